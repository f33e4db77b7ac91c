# Teaches: alignment of two unit vectors as a gate: sign(d) * d^2 is gentle near 90 degrees and never rewards the wrong side.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    gripper_position: Tensor,
    gripper_forward: Tensor,
    handle_position: Tensor,
    handle_inward: Tensor,
    door_angle: Tensor,
    door_velocity: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    cosine = torch.sum(gripper_forward * handle_inward, dim=-1)
    aligned = 0.5 * torch.sign(cosine) * cosine**2

    distance = torch.norm(gripper_position - handle_position, dim=-1)
    reach = 1.0 - torch.tanh(3.0 * distance)

    # The angle pays in full up to 80 degrees, and opening it pays a little by itself.
    angle = 3.0 * torch.clamp(door_angle / 1.4, max=1.0)
    motion = 0.2 * torch.clamp(door_velocity, -1.0, 1.0)
    total = aligned + reach + angle + motion
    return total, {"aligned": aligned, "reach": reach, "angle": angle, "motion": motion}
