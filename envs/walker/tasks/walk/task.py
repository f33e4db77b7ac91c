"""How walking is judged: by the time for which the robot goes at the commanded velocity, until it falls."""

import torch
from torch import Tensor


def fitness(forward_velocity: Tensor, command_velocity: Tensor, control_dt: float) -> Tensor:
    """Seconds of this step, less what the error of the velocity (width 0.5 m/s) takes off."""
    error = forward_velocity - command_velocity
    return control_dt * torch.exp(-torch.square(error / 0.5))


def success(torso_x: Tensor, command_velocity: Tensor, time: Tensor) -> Tensor:
    """On its feet at the end of the 10 s, and within a tenth of where the command would have taken it."""
    wanted = command_velocity * time
    return (time > 9.9) & (torch.abs(torso_x - wanted) < 0.1 * wanted)


def terminated(torso_height: Tensor, torso_pitch: Tensor) -> Tensor:
    """Fallen: the torso is too low or leans too far."""
    return (torso_height < 0.8) | (torch.abs(torso_pitch) > 0.8)
