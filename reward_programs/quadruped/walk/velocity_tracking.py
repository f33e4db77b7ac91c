# Teaches: following a command in several directions at once, with one width for the way and one for the turn.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    base_linear_velocity: Tensor,
    base_angular_velocity: Tensor,
    command: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    linear_error = torch.sum(torch.square(command[:, :2] - base_linear_velocity[:, :2]), dim=1)
    yaw_error = torch.square(command[:, 2] - base_angular_velocity[:, 2])

    # What the command does not ask for shall stay small: bouncing, rolling, pitching.
    bounce = torch.square(base_linear_velocity[:, 2])
    wobble = torch.sum(torch.square(base_angular_velocity[:, :2]), dim=1)

    tracking = 1.0 * torch.exp(-linear_error / 0.25)
    turning = 0.5 * torch.exp(-yaw_error / 0.25)
    calm = -0.5 * bounce - 0.05 * wobble
    return tracking + turning + calm, {"tracking": tracking, "turning": turning, "calm": calm}
