# Teaches: soft limits. The outer tenth of a joint's range costs more the deeper one goes.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    base_linear_velocity: Tensor,
    joint_positions: Tensor,
    joint_position_limits: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    lower, upper = joint_position_limits[:, 0], joint_position_limits[:, 1]  # [12]: the same for all robots, so without batch axis
    middle = 0.5 * (lower + upper)
    reach = 0.5 * torch.abs(upper - lower)

    # How far beyond nine tenths of the way from the middle to an end, in rad: [N, 12]
    beyond = torch.relu(torch.abs(joint_positions - middle) - 0.9 * reach)

    forward = 1.0 * base_linear_velocity[:, 0]
    limits = -2.0 * torch.sum(beyond, dim=-1)
    return forward + limits, {"forward": forward, "limits": limits}
