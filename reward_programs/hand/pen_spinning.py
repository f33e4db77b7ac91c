# Teaches: spinning about one axis. The dot product takes out the wanted part of the angular velocity; what is left is wobble.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    object_angvel: Tensor,
    object_linvel: Tensor,
    object_pos: Tensor,
    palm_pos: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    axis = torch.tensor([0.0, 0.0, 1.0])
    along = torch.sum(object_angvel * axis, dim=-1)
    wobble = torch.norm(object_angvel - along.unsqueeze(-1) * axis, dim=-1)

    spin = 0.5 * torch.clamp(along, -4.0, 4.0)
    steady = -0.1 * wobble - 0.3 * torch.norm(object_linvel, dim=-1)
    near = -5.0 * torch.relu(torch.norm(object_pos - palm_pos, dim=-1) - 0.08)
    return spin + steady + near, {"spin": spin, "steady": steady, "near": near}
