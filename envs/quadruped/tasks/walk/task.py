"""How walking is judged: by the time for which the robot moves as the operator asks, until it falls."""

import torch
from torch import Tensor


def velocity_error(base_linear_velocity, command):
    """Distance between the commanded velocity over ground and the present one, in m/s."""
    return torch.norm(base_linear_velocity[:, :2] - command[:, :2], dim=-1)


def fitness(
    base_linear_velocity: Tensor, base_angular_velocity: Tensor, command: Tensor, control_dt: float
) -> Tensor:
    """Seconds of this step, less what the errors of velocity (width 0.5 m/s) and yaw rate (0.5 rad/s) take off."""
    error = velocity_error(base_linear_velocity, command)
    yaw_error = base_angular_velocity[:, 2] - command[:, 2]
    return control_dt * torch.exp(-torch.square(error / 0.5) - torch.square(yaw_error / 0.5))


def success(self, base_linear_velocity: Tensor, command: Tensor, time: Tensor, control_dt: float) -> Tensor:
    """On its feet at the end of the 10 s, and within 0.2 m/s of the command on average."""
    error = control_dt * velocity_error(base_linear_velocity, command)
    self.way_missed = getattr(self, "way_missed", torch.zeros_like(error)) + error
    return (time > 9.9) & (self.way_missed < 0.2 * time)


def terminated(base_height: Tensor, base_up: Tensor) -> Tensor:
    """Fallen: the base is too low, or tilted by more than 60 degrees."""
    return (base_height < 0.15) | (base_up[:, 2] < 0.5)
