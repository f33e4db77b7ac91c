"""How running is judged: by the distance covered in the time given."""

import torch
from torch import Tensor


def fitness(torso_x: Tensor) -> Tensor:
    """Distance covered so far, in m; the last step's value is the episode's fitness."""
    return torso_x


def success(torso_x: Tensor, torso_pitch: Tensor) -> Tensor:
    """At least 60 m from the start, a mean of 3 m/s, and not on its back (however often it has turned over)."""
    return (torso_x >= 60.0) & (torch.cos(torso_pitch) > 0.5)


def terminated(torso_x: Tensor) -> Tensor:
    """Never: it cannot fall so that it could not get up again."""
    return torch.zeros_like(torso_x) > 0.5
