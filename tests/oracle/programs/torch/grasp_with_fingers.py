from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(fingertip_pos: Tensor, object_pos: Tensor, goal_pos: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # One after the other, as the number of fingers is a shape and known
    finger_reward = torch.zeros_like(object_pos[:, 0])
    for i in range(fingertip_pos.shape[1]):
        distance = torch.norm(fingertip_pos[:, i, :] - object_pos, dim=-1)
        finger_reward += torch.exp(-4.0 * distance)
    finger_reward = finger_reward / fingertip_pos.shape[1]

    # The same with broadcasting: [N, 5, 3] - [N, 1, 3]
    offsets = fingertip_pos - object_pos.unsqueeze(1)
    farthest = torch.max(offsets.norm(dim=-1), dim=-1)[0]
    closed = 1.0 / (1.0 + farthest)

    # Fingers around the object leave their centre near it
    centre = fingertip_pos.mean(dim=1)
    centred = torch.exp(-3.0 * torch.norm(centre - object_pos, dim=-1))

    carried = 1.0 - torch.clamp(torch.norm(object_pos - goal_pos, dim=-1), 0.0, 1.0)
    total = finger_reward + 0.5 * closed + 0.5 * centred + carried * closed
    return total, {"fingers": finger_reward, "closed": closed, "centred": centred, "carried": carried}
