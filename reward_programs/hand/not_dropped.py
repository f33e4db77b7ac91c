# Teaches: a mask that switches terms. A dropped object earns nothing but the penalty, by selecting instead of multiplying.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    object_pos: Tensor,
    palm_pos: Tensor,
    goal_pos: Tensor,
    dof_vel: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    distance = torch.norm(object_pos - goal_pos, dim=-1)
    hold = torch.exp(-15.0 * distance)
    quiet = -0.002 * torch.sum(torch.square(dof_vel), dim=-1)

    dropped = object_pos[:, 2] < palm_pos[:, 2] - 0.05
    fall = -10.0 * dropped.float()
    total = torch.where(dropped, fall, hold + quiet)
    return total, {"hold": hold, "quiet": quiet, "fall": fall}
