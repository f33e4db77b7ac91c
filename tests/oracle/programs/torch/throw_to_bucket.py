from typing import Dict, Tuple

import torch


def compute_reward(object_pos: torch.Tensor, object_linvel: torch.Tensor, goal_pos: torch.Tensor,
                   right_hand_pos: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    rewards = {}

    # Where the ball flies over the ground: a copy, because the next line writes into it
    to_target = (goal_pos - object_pos).clone()
    to_target[:, 2] = 0.0
    ground_distance = torch.norm(to_target, dim=-1, keepdim=True)
    direction = to_target / (ground_distance + 1e-3)

    # Speed towards the bucket is an inner product
    closing_speed = (object_linvel * direction).sum(dim=-1)
    rewards["closing"] = torch.clamp(closing_speed, -1.0, 1.0)

    # The ball must leave the hand before it counts
    released = torch.norm(object_pos - right_hand_pos, dim=-1) > 0.35
    rewards["near"] = torch.where(released, torch.exp(-2.0 * ground_distance.view(-1)), torch.zeros_like(closing_speed))

    # Ballistics: the height after another tenth of a second
    height = object_pos[:, 2] + 0.1 * object_linvel[:, 2] - 0.5 * 9.81 * 0.1 ** 2
    height *= 2
    rewards["height"] = height.clamp(max=0.5)

    total = 1.5 * rewards["closing"] + rewards["near"] + 0.2 * rewards["height"]
    return total, rewards
