# Teaches: imitation of a recorded motion: pose, velocity, hands and feet, each as exp of an error, with weights that sum to 1.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    joint_positions: Tensor,
    reference_joint_positions: Tensor,
    joint_velocities: Tensor,
    reference_joint_velocities: Tensor,
    key_body_positions: Tensor,
    reference_key_body_positions: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    pose_error = torch.mean(torch.square(joint_positions - reference_joint_positions), dim=-1)
    velocity_error = torch.mean(torch.square(joint_velocities - reference_joint_velocities), dim=-1)
    key_error = torch.sum(torch.square(key_body_positions - reference_key_body_positions), dim=(1, 2))

    pose = 0.65 * torch.exp(-2.0 * pose_error)
    velocity = 0.1 * torch.exp(-0.1 * velocity_error)
    key = 0.25 * torch.exp(-5.0 * key_error)
    return pose + velocity + key, {"pose": pose, "velocity": velocity, "key": key}
