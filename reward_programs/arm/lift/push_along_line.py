# Teaches: the right side to push from. A cosine is 1 when gripper, cube and goal lie on one line, in that order.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def compute_reward(
    gripper_position: Tensor,
    cube_position: Tensor,
    goal_position: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # On the table only x and y count.
    to_cube = cube_position[..., :2] - gripper_position[..., :2]
    to_goal = goal_position[..., :2] - cube_position[..., :2]

    behind = 0.3 * F.cosine_similarity(to_cube, to_goal, dim=-1)
    reach = 0.5 * torch.exp(-10.0 * torch.norm(to_cube, dim=-1))
    push = 2.0 * torch.exp(-3.0 * torch.norm(to_goal, dim=-1))
    return behind + reach + push, {"behind": behind, "reach": reach, "push": push}
