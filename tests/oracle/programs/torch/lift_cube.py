import torch
from typing import Dict, Tuple


@torch.jit.script
def compute_reward(object_pos: torch.Tensor, right_hand_pos: torch.Tensor, left_hand_pos: torch.Tensor,
                   goal_pos: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    """Grasp the cube from both sides, then lift it."""
    right_dist = torch.norm(object_pos - right_hand_pos, p=2, dim=-1)
    left_dist = torch.norm(object_pos - left_hand_pos, p=2, dim=-1)

    # Both hands count; 1 / (1 + d^2) falls off slowly, so that far hands still feel it
    grasp_reward = 0.5 / (1.0 + right_dist ** 2) + 0.5 / (1.0 + left_dist ** 2)

    # Height of the cube above the table, cut off at the height of the goal
    table_height = -0.1
    height = torch.clamp(object_pos[:, 2] - table_height, min=0.0, max=0.3)
    lift_reward = height * 5.0

    # A bonus only where the cube is high and both hands are close
    holding = (right_dist < 0.4) & (left_dist < 0.4)
    success_bonus = torch.where(holding & (height > 0.1), torch.ones_like(height) * 2.0, torch.zeros_like(height))

    total_reward = grasp_reward + lift_reward + success_bonus
    return total_reward, {
        "grasp": grasp_reward,
        "lift": lift_reward,
        "success_bonus": success_bonus,
    }
