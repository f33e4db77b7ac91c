# Teaches: how stages follow each other. Lifting pays only in the grasp, and a grasp only around the cube.
# The terms add up to the total.
# Trained with `--steps 1M`, seed 0: success 69 %.
"""Reward by hand for arm/lift: reach down, grasp from both sides, lift, hold still."""

from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    gripper_position: Tensor,
    gripper_quat: Tensor,
    cube_position: Tensor,
    cube_half_size: float,
    left_finger_touches: Tensor, right_finger_touches: Tensor,
    joint_velocities: Tensor,
    control: Tensor,
    previous_control: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    distance = torch.norm(gripper_position - cube_position, dim=-1)
    reach = 1.0 - torch.tanh(5.0 * distance)

    # The third component of the gripper's own z axis, from a quaternion in the order x y z w: -1 points straight down.
    pointing = 1.0 - 2.0 * torch.sum(torch.square(gripper_quat[:, :2]), dim=-1)
    downward = -0.3 * pointing

    # Fingers on two sides of the cube, not on its top.
    held = (left_finger_touches & right_finger_touches & (distance < 0.025)).float()
    grasp = 1.0 * held
    height = torch.clamp(cube_position[:, 2] - cube_half_size, 0.0, 0.2)
    # Steep at first, because the first millimetres are the hardest to find.
    lift = 5.0 * held * torch.sqrt(height / 0.2 + 0.001)

    slow = -0.02 * torch.sum(torch.square(joint_velocities), dim=-1)
    smooth = -0.01 * torch.sum(torch.square(control - previous_control), dim=-1)
    total = reach + downward + grasp + lift + slow + smooth
    terms = {"reach": reach, "downward": downward, "grasp": grasp, "lift": lift, "slow": slow, "smooth": smooth}
    return total, terms
