"""How reaching is judged: by where the gripper is when the time is up."""

import torch
from torch import Tensor


def distance(gripper_position, goal_position):
    return torch.norm(gripper_position - goal_position, dim=-1)


def fitness(gripper_position: Tensor, goal_position: Tensor) -> Tensor:
    """Minus the distance from the goal, in m; the last step's value is the episode's fitness."""
    return -distance(gripper_position, goal_position)


def success(gripper_position: Tensor, goal_position: Tensor, joint_velocities: Tensor) -> Tensor:
    """Within 2 cm of the goal at the last step, and at rest: no joint faster than 0.2 rad/s."""
    is_there = distance(gripper_position, goal_position) < 0.02
    fastest = torch.max(torch.abs(joint_velocities), dim=-1)[0]
    return is_there & (fastest < 0.2)


def terminated(gripper_position: Tensor) -> Tensor:
    """Never: a wrong place can be left again."""
    return torch.zeros_like(gripper_position[:, 0]) > 0.5
