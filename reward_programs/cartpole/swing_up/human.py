# Teaches: a second task in one reward: holding still counts only as far as the pole is up, so that swinging costs nothing.
# The terms add up to the total.
"""Reward by hand for cartpole/swing_up: the pole's height, then calm and the middle of the rail."""

from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    tip_position: Tensor,
    pole_velocity: Tensor,
    cart_position: Tensor,
    control: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    height = 0.5 * (1.0 + tip_position[:, 2])  # 0 hanging, 1 upright
    calm = 0.5 * torch.pow(height, 4) * torch.exp(-0.2 * torch.square(pole_velocity))
    centred = 0.3 * torch.exp(-torch.square(cart_position / 0.8))
    effort = -0.02 * torch.sum(torch.square(control), dim=-1)
    total = height + calm + centred + effort
    return total, {"height": height, "calm": calm, "centred": centred, "effort": effort}
