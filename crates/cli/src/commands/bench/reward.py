import torch
from typing import Dict, Tuple


def compute_reward(
    object_pos: torch.Tensor, goal_pos: torch.Tensor, gripper_pos: torch.Tensor, action: torch.Tensor
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    reach_distance = torch.norm(object_pos - gripper_pos, dim=-1)
    goal_distance = torch.norm(object_pos - goal_pos, dim=-1)
    reach = torch.exp(-5.0 * reach_distance)
    goal = 1.0 - torch.tanh(4.0 * goal_distance)
    effort = torch.clamp(torch.sum(action * action, dim=-1), max=4.0)
    bonus = torch.where(goal_distance < 0.05, 1.0, 0.0)
    total = reach + 2.0 * goal - 0.01 * effort + bonus
    return total, {"reach": reach, "goal": goal, "effort": effort, "bonus": bonus}
