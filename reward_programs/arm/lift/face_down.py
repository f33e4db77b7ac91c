# Teaches: one axis of a quaternion. The gripper's own z axis shall point down; the turn about it is free.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    gripper_position: Tensor,
    gripper_quat: Tensor,
    cube_position: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    approach = quat_axis(gripper_quat, 2)  # [N, 3]
    down = -approach[:, 2]
    aligned = 0.3 * torch.sign(down) * down**2

    # Come from above: stay over the cube until the fingers are within 5 cm of the line through it.
    offset = gripper_position - cube_position
    sideways = torch.norm(offset[:, :2], dim=-1)
    wanted_height = torch.clamp(2.0 * sideways, max=0.1)
    descend = -torch.abs(offset[:, 2] - wanted_height) - sideways
    return aligned + descend, {"aligned": aligned, "descend": descend}
