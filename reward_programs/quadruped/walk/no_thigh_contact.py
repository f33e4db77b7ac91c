# Teaches: a fault that outweighs all else. Any touch of a thigh replaces the reward of that step instead of lowering it.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    base_linear_velocity: Tensor,
    base_height: Tensor,
    thigh_contact_force: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    touches = torch.norm(thigh_contact_force, dim=-1) > 1.0  # [N, 4]
    has_fault = torch.any(touches, dim=-1) | (base_height < 0.15)

    forward = 1.0 * base_linear_velocity[:, 0]
    total = torch.where(has_fault, torch.full_like(forward, -2.0), forward)
    return total, {"forward": forward, "fault": has_fault.float()}
