# Teaches: foot clearance. The height error counts only as much as the foot moves, so a standing foot may stay down.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    base_linear_velocity: Tensor,
    command: Tensor,
    feet_height: Tensor,
    feet_velocity: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    wanted_height: float = 0.08
    height_error = torch.square(feet_height - wanted_height)  # [N, 4]
    swing_speed = torch.norm(feet_velocity[:, :, :2], dim=-1)  # [N, 4]

    clearance = -10.0 * torch.sum(height_error * swing_speed, dim=-1)
    tracking = torch.exp(-4.0 * torch.square(base_linear_velocity[:, 0] - command[:, 0]))
    return tracking + clearance, {"tracking": tracking, "clearance": clearance}
