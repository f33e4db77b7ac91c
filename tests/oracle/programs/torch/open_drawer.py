from typing import Dict, Tuple

import torch


def compute_reward(right_hand_pos, handle_pos, drawer_opening) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    to_handle = handle_pos - right_hand_pos
    # Sideways and vertical misses are worse than being too near or too far
    sideways = torch.sqrt(to_handle[:, 1] ** 2 + to_handle[:, 2] ** 2)
    depth = torch.abs(to_handle[:, 0])
    worst = torch.max(sideways, depth)
    best = torch.min(sideways, depth)

    # A logarithm makes the last centimetres worth as much as the first decimetres
    reach = -torch.log(worst + 0.05) - 0.2 * best

    # The drawer pays from 2 cm to 30 cm
    opening = torch.minimum(drawer_opening, torch.full_like(drawer_opening, 0.3))
    opening = torch.maximum(opening - 0.02, torch.zeros_like(opening))

    terms = {"reach": reach, "opening": 4.0 * opening}
    total = terms["reach"] + terms["opening"]
    return total, terms
