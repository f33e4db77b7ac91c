# Teaches: a loop over the fingers. The loop's length is the tensor's own shape, so it is known before anything runs.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    fingertip_pos: Tensor,
    object_pos: Tensor,
    goal_pos: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    fingers = torch.zeros_like(object_pos[:, 0])
    for finger in range(fingertip_pos.shape[1]):
        distance = torch.norm(fingertip_pos[:, finger, :] - object_pos, dim=-1)
        # The thumb counts twice: without it nothing can be held.
        weight = 2.0 if finger == 0 else 1.0
        fingers += weight * torch.exp(-20.0 * distance) / 6.0

    lift = 5.0 * torch.clamp(object_pos[:, 2] - goal_pos[:, 2], -0.1, 0.0)
    return fingers + lift, {"fingers": fingers, "lift": lift}
