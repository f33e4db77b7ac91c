"""How running forward is judged: by the distance covered along +x until the robot tips over or the time is up."""

from torch import Tensor


def fitness(torso_position: Tensor) -> Tensor:
    """Distance covered along +x so far, in m; the last step's value is the episode's fitness."""
    return torso_position[:, 0]


def success(torso_position: Tensor, torso_height: Tensor, up_vector: Tensor) -> Tensor:
    """On its feet at the last step, and at least 30 m from the start."""
    standing = (torso_height >= 0.2) & (torso_height <= 1.0) & (up_vector[:, 2] >= 0.0)
    return standing & (torso_position[:, 0] >= 30.0)


def terminated(torso_height: Tensor, up_vector: Tensor) -> Tensor:
    """Collapsed, thrown into the air, or on its back."""
    return (torso_height < 0.2) | (torso_height > 1.0) | (up_vector[:, 2] < 0.0)
