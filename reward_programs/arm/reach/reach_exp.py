# Teaches: distance shaping with exp. Far away it is flat, near the goal it is steep: good where precision matters.
import torch
from torch import Tensor


def compute_reward(gripper_position: Tensor, goal_position: Tensor):
    distance = torch.norm(gripper_position - goal_position, dim=-1)
    # The temperature is the distance at which the reward has fallen to a third.
    temperature: float = 0.1
    reach = torch.exp(-distance / temperature)
    return reach, {"reach": reach}
