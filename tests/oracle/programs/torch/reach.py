"""Bring the right hand to the goal: a distance through exp, which gives a gradient near the goal and stays bounded."""
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(right_hand_pos: Tensor, goal_pos: Tensor, actions: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Distance over the last axis: [N, 3] -> [N]
    distance = torch.norm(right_hand_pos - goal_pos, dim=-1)

    distance_temperature: float = 0.2
    reach_reward = torch.exp(-distance / distance_temperature)

    # Large commands wear the motors
    action_penalty = -0.01 * torch.sum(actions ** 2, dim=-1)

    reward = reach_reward + action_penalty
    reward_components = {"reach_reward": reach_reward, "action_penalty": action_penalty}
    return reward, reward_components
