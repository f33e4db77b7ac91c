# Teaches: key points. The mean distance of eight corners measures position and orientation in one unit, metres.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    cube_position: Tensor,
    cube_quat: Tensor,
    goal_position: Tensor,
    cube_half_size: float,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    distance = torch.zeros_like(cube_position[:, 0])
    for x in (-1.0, 1.0):
        for y in (-1.0, 1.0):
            for z in (-1.0, 1.0):
                corner = cube_half_size * torch.tensor([x, y, z])
                # The goal is level: there the corner needs no turn.
                corner_now = cube_position + quat_apply(cube_quat, corner.expand_as(cube_position))
                distance = distance + torch.norm(corner_now - (goal_position + corner), dim=-1) / 8.0
    corners = torch.exp(-10.0 * distance)
    return corners, {"corners": corners}
