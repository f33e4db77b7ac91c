"""How swinging up is judged: by the time for which the pole stands."""

import torch
from torch import Tensor


def fitness(tip_position: Tensor, control_dt: float) -> Tensor:
    """Seconds for which the tip is above 0.95 m, a lean of 0.32 rad."""
    return control_dt * (tip_position[:, 2] > 0.95).float()


def success(tip_position: Tensor, pole_velocity: Tensor, cart_position: Tensor, time: Tensor) -> Tensor:
    """Upright and nearly at rest at the end of the 10 s, with the cart within 1 m of the middle."""
    stands = (tip_position[:, 2] > 0.95) & (torch.abs(pole_velocity) < 1.0)
    return (time > 9.9) & stands & (torch.abs(cart_position) < 1.0)


def terminated(cart_position: Tensor) -> Tensor:
    """The cart has reached an end of the rail."""
    return torch.abs(cart_position) > 1.75
