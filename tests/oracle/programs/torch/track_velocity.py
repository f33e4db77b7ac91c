from typing import Dict, Tuple

import torch


def compute_reward(commands: torch.Tensor, base_lin_vel: torch.Tensor, base_ang_vel: torch.Tensor,
                   projected_gravity: torch.Tensor, actions: torch.Tensor,
                   last_actions: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Velocity in the plane and turning rate follow the command
    tracking_sigma = 0.25
    lin_vel_error = torch.sum(torch.square(commands[:, :2] - base_lin_vel[:, :2]), dim=1)
    ang_vel_error = torch.square(commands[:, 2] - base_ang_vel[:, 2])
    tracking_lin = torch.exp(-lin_vel_error / tracking_sigma / 4)
    tracking_ang = torch.exp(-ang_vel_error / tracking_sigma / 4)

    # A body that hops, rolls or tilts is no platform
    lin_vel_z = torch.square(base_lin_vel[:, 2])
    ang_vel_xy = torch.square(base_ang_vel[:, :2]).sum(dim=1)
    orientation = torch.sum(projected_gravity[:, :2] ** 2, dim=-1)

    # Change of the command, not its size
    action_rate = torch.sum((last_actions - actions).pow(2), dim=1)

    reward = tracking_lin + 0.5 * tracking_ang
    reward += -2.0 * lin_vel_z - 0.05 * ang_vel_xy
    reward -= 1.0 * orientation
    reward -= 0.01 * action_rate
    return reward, {
        "tracking_lin": tracking_lin,
        "tracking_ang": tracking_ang,
        "lin_vel_z": lin_vel_z,
        "ang_vel_xy": ang_vel_xy,
        "orientation": orientation,
        "action_rate": action_rate,
    }
