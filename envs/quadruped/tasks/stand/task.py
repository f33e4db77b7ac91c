"""How standing is judged: by the time for which the robot stands as it should, until it falls."""

import torch
from torch import Tensor


def fitness(
    base_height: Tensor, base_up: Tensor, base_linear_velocity: Tensor, control_dt: float
) -> Tensor:
    """Seconds of this step, less what errors of height (width 5 cm), tilt (width 0.2 rad) and velocity (0.3 m/s) take off."""
    height_error = base_height - 0.32
    tilt = torch.norm(base_up[:, :2], dim=-1)
    speed = torch.norm(base_linear_velocity, dim=-1)
    return control_dt * torch.exp(
        -torch.square(height_error / 0.05) - torch.square(tilt / 0.2) - torch.square(speed / 0.3)
    )


def success(base_height: Tensor, base_up: Tensor, time: Tensor) -> Tensor:
    """On its feet at the end of the 6 s: within 5 cm of its height, tilted by less than 0.2 rad."""
    level = torch.norm(base_up[:, :2], dim=-1) < 0.2
    return (time > 5.9) & level & (torch.abs(base_height - 0.32) < 0.05)


def terminated(base_height: Tensor, base_up: Tensor) -> Tensor:
    """Fallen: the base is too low, or tilted by more than 60 degrees."""
    return (base_height < 0.15) | (base_up[:, 2] < 0.5)
