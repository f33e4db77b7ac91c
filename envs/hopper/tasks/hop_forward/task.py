"""How hopping forward is judged: by the distance covered until the robot falls or the time is up."""

import torch
from torch import Tensor


def fitness(torso_x: Tensor) -> Tensor:
    """Distance covered so far, in m; the last step's value is the episode's fitness."""
    return torso_x


def success(torso_x: Tensor, torso_height: Tensor, torso_pitch: Tensor) -> Tensor:
    """On its foot at the last step, and at least 10 m from the start."""
    upright = (torso_height >= 0.75) & (torch.abs(torso_pitch) <= 0.6)
    return upright & (torso_x >= 10.0)


def terminated(torso_height: Tensor, torso_pitch: Tensor) -> Tensor:
    """Fallen: the torso is too low or leans too far."""
    return (torso_height < 0.75) | (torch.abs(torso_pitch) > 0.6)
