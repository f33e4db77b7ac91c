# Teaches: pumping energy. The pole's energy is steered to that of standing upright, and only near the top its position counts.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    tip_position: Tensor,
    pole_velocity: Tensor,
    cart_position: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Per mass of a thin rod of 1 m that turns about its end: w^2 / 6, and the weight of its middle.
    energy = torch.square(pole_velocity) / 6.0 + 9.81 * 0.5 * tip_position[:, 2]
    upright_energy = 9.81 * 0.5
    missing = torch.abs(energy - upright_energy)
    pumped = torch.exp(-0.3 * missing)
    near_the_top = torch.relu(tip_position[:, 2])
    stands = 2.0 * torch.square(near_the_top)
    centred = -0.1 * torch.square(cart_position)
    return pumped + stands + centred, {"pumped": pumped, "stands": stands, "centred": centred}
