# Teaches: posture regularisation. Hips may stray little and calves much, so each kind of joint has its own weight.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    base_linear_velocity: Tensor,
    joint_positions: Tensor,
    default_joint_positions: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    weights = torch.tensor([1.0, 0.3, 0.1]).repeat(4)  # hip, thigh and calf of each of the four legs
    stray = torch.square(joint_positions - default_joint_positions)

    forward = torch.clamp(base_linear_velocity[:, 0], max=1.5)
    posture = -0.2 * (weights * stray).sum(dim=-1)
    return forward + posture, {"forward": forward, "posture": posture}
