# Teaches: a barrier. `softplus` grows smoothly from zero as an obstacle comes near, and the nearest obstacle decides.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def compute_reward(
    position: Tensor,
    goal_position: Tensor,
    obstacle_positions: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    radius = 0.3
    gaps = torch.norm(position[:, None, :] - obstacle_positions, dim=-1) - radius  # [N, 1, 3] - [N, 5, 3]
    nearest = torch.amin(gaps, dim=-1)

    progress = -0.5 * torch.norm(goal_position - position, dim=-1)
    clear = -0.2 * F.softplus(10.0 * (0.2 - nearest))
    return progress + clear, {"progress": progress, "clear": clear}
