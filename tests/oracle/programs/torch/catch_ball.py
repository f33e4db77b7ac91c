from typing import Dict, Tuple

import torch


@torch.jit.script
def compute_reward(object_pos: torch.Tensor, object_linvel: torch.Tensor, left_hand_pos: torch.Tensor,
                   right_hand_pos: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Both distances as one [N, 2] tensor
    hands = torch.stack([left_hand_pos, right_hand_pos], dim=1)
    to_ball = object_pos[:, None, :] - hands
    distances = torch.norm(to_ball, dim=-1)

    # The nearer hand leads, the mean keeps the other one from idling
    nearest = torch.min(distances, dim=1)[0]
    average = distances.mean(dim=1)
    near_reward = torch.sigmoid(4.0 * (0.4 - nearest))
    both_reward = torch.exp(-2.0 * average)

    # Caught: slow and in reach of any hand
    in_reach = torch.any(distances < 0.5, dim=1)
    slow = object_linvel.norm(dim=1, keepdim=True) < 1.2
    caught = (in_reach & slow.squeeze(-1)).float()

    reward = near_reward + 0.5 * both_reward + 3.0 * caught
    return reward, {"near": near_reward, "both": both_reward, "caught": caught}
