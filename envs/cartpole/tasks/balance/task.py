"""How balancing is judged: a step counts while the pole is up and the cart is on its stretch of the rail."""

import torch
from torch import Tensor


def fitness(pole_angle: Tensor, cart_position: Tensor) -> Tensor:
    """Steps balanced: 1 for every step that does not end the episode."""
    upright = (torch.abs(pole_angle) <= 0.2) & (torch.abs(cart_position) <= 1.5)
    return upright.float()


def success(pole_angle: Tensor, cart_position: Tensor) -> Tensor:
    """Still balanced at the last step, so only an episode that reaches the horizon succeeds."""
    return (torch.abs(pole_angle) <= 0.2) & (torch.abs(cart_position) <= 1.5)


def terminated(pole_angle: Tensor, cart_position: Tensor) -> Tensor:
    """The pole leans by more than 0.2 rad, or the cart is within 0.3 m of an end of the rail."""
    return (torch.abs(pole_angle) > 0.2) | (torch.abs(cart_position) > 1.5)
