from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(object_rot: Tensor, goal_rot: Tensor, object_pos: Tensor, goal_pos: Tensor,
                   object_linvel: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # q and -q are the same rotation, hence the absolute value of the inner product
    alignment = torch.sum(object_rot * goal_rot, dim=1).abs()
    angle = 2 * torch.acos(torch.clip(alignment, -1.0, 1.0))

    # Two speeds of approach: a coarse one for far, a fine one for near
    coarse = torch.exp(-1.0 * angle)
    fine = torch.exp(-5.0 * angle)
    rotation = 0.7 * coarse + 0.3 * fine

    drop = object_pos[..., 2] < goal_pos[..., 2] - 0.4
    drop_penalty = torch.where(drop, -1.0, 0.0)

    speed = object_linvel.norm(dim=-1)
    speed_penalty = -0.1 * torch.tanh(speed)
    return rotation + drop_penalty + speed_penalty, {
        "rotation": rotation,
        "drop_penalty": drop_penalty,
        "speed_penalty": speed_penalty,
    }
