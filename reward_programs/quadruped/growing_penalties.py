# Teaches: a curriculum. A parameter that is the same for all robots raises the penalties while the training goes on.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    base_linear_velocity: Tensor,
    command: Tensor,
    joint_torques: Tensor,
    joint_velocities: Tensor,
    training_progress: float,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    strictness = 0.1 + 0.9 * min(1.0, 2.0 * training_progress)  # full after half of the training

    tracking = torch.exp(-2.0 * torch.square(base_linear_velocity[:, 0] - command[:, 0]))
    torque = -0.0005 * strictness * torch.sum(joint_torques**2, dim=-1)
    speed = -0.0004 * strictness * torch.sum(joint_velocities**2, dim=-1)
    return tracking + torque + speed, {"tracking": tracking, "torque": torque, "speed": speed}
