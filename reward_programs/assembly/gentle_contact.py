# Teaches: a force that is wanted. Some pressure finds the hole, more breaks it: the reward peaks at 8 N.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    peg_head_position: Tensor,
    hole_position: Tensor,
    contact_force: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    force = torch.sqrt(torch.sum(contact_force * contact_force, dim=-1) + 1e-8)
    distance = torch.sqrt(torch.sum((peg_head_position - hole_position) ** 2, dim=-1) + 1e-8)

    # x * exp(1 - x) rises to 1 at x = 1 and then fades.
    pressure = force / 8.0
    press = torch.exp(-30.0 * distance) * pressure * torch.exp(1.0 - pressure)
    reach = -2.0 * distance
    return press + reach, {"press": press, "reach": reach}
