# Teaches: the quadratic cost of control theory, x'Qx + u'Ru, written with a constant matrix.
# The terms add up to the total.
# Trained with `--steps 150k`, seed 0: balances to the end of every episode.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    cart_position: Tensor,
    pole_angle: Tensor,
    cart_velocity: Tensor,
    pole_velocity: Tensor,
    control: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    state = torch.stack([cart_position, pole_angle, cart_velocity, pole_velocity], dim=-1)
    # The off-diagonal entries ask for the pole to lean towards the side that the cart has to go to.
    weights = torch.tensor(
        [
            [0.3, 0.5, 0.0, 0.0],
            [0.5, 9.0, 0.0, 0.0],
            [0.0, 0.0, 0.02, 0.0],
            [0.0, 0.0, 0.0, 0.05],
        ]
    )
    # The bonus keeps a living step better than an ended episode: costs alone would teach to fall at once.
    bonus = 2.0 * torch.ones_like(cart_position)
    cost = -torch.sum(torch.matmul(state, weights) * state, dim=-1)
    effort = -0.01 * torch.sum(control * control, dim=-1)
    return bonus + cost + effort, {"bonus": bonus, "cost": cost, "effort": effort}
