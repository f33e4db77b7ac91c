# Teaches: the angle between two orientations, from the vector part of q * conjugate(goal), the turn that is missing.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    object_rot: Tensor,
    goal_rot: Tensor,
    object_pos: Tensor,
    goal_pos: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    missing_turn = quat_mul(object_rot, quat_conjugate(goal_rot))
    # Order x y z w: components 0 to 2 are the vector part. The clamp keeps asin away from 1.0000001.
    angle = 2.0 * torch.asin(torch.clamp(torch.norm(missing_turn[:, 0:3], p=2, dim=-1), max=1.0))

    turn = 1.0 / (torch.abs(angle) + 0.1)
    hold = -10.0 * torch.norm(object_pos - goal_pos, p=2, dim=-1)
    return turn + hold, {"turn": turn, "hold": hold}
