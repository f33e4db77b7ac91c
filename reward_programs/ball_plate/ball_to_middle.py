# Teaches: a velocity that depends on the place. The ball shall roll towards the middle, the faster the farther it is.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    ball_position: Tensor,
    ball_velocity: Tensor,
    plate_tilt_velocity: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    wanted_velocity = -2.0 * ball_position
    flow = -1.0 * torch.norm(ball_velocity - wanted_velocity, dim=-1)
    middle = torch.exp(-50.0 * torch.sum(ball_position**2, dim=-1))
    gentle = -0.02 * torch.sum(torch.abs(plate_tilt_velocity), dim=-1)
    return flow + middle + gentle, {"flow": flow, "middle": middle, "gentle": gentle}
