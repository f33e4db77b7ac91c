"""How lifting is judged: by how high the cube is held when the time is up."""

import torch
from torch import Tensor


def fitness(cube_position: Tensor, cube_half_size: float) -> Tensor:
    """Height of the cube above the table, in m, of which 0.2 m count; the last step's value is the episode's fitness."""
    return torch.clamp(cube_position[:, 2] - cube_half_size, 0.0, 0.2)


def success(cube_position: Tensor, cube_velocity: Tensor, is_grasped: Tensor, cube_half_size: float) -> Tensor:
    """Held by both fingers at the last step, at least 0.15 m above the table, slower than 0.2 m/s."""
    height = cube_position[:, 2] - cube_half_size
    return is_grasped & (height > 0.15) & (torch.norm(cube_velocity, dim=-1) < 0.2)


def terminated(cube_position: Tensor) -> Tensor:
    """The cube has fallen off the table."""
    return cube_position[:, 2] < -0.05
