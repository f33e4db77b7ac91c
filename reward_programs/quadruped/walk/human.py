# Teaches: a gait that looks like one. Tracking alone is met by shuffling; time in the air and no slipping make it step.
# The terms add up to the total.
"""Reward by hand for quadruped/walk: follow the command, lift the feet, stay calm and near the standing pose."""

import torch
from torch import Tensor


def compute_reward(
    self,
    base_linear_velocity: Tensor,
    base_angular_velocity: Tensor,
    base_up: Tensor,
    command: Tensor,
    joint_positions: Tensor,
    default_joint_positions: Tensor,
    joint_torques: Tensor,
    feet_contact_force: Tensor,
    feet_velocity: Tensor,
    control: Tensor,
    previous_control: Tensor,
    control_dt: float,
):
    error = torch.sum(torch.square(base_linear_velocity[:, :2] - command[:, :2]), dim=-1)
    tracking = 1.5 * torch.exp(-error / 0.15)
    turning = 0.75 * torch.exp(-torch.square(base_angular_velocity[:, 2] - command[:, 2]) / 0.25)

    # A foot that comes down is paid for its time in the air beyond 0.1 s, up to 0.3 s.
    on_ground = feet_contact_force[:, :, 2] > 1.0
    if not hasattr(self, "air_time"):
        self.air_time = torch.zeros_like(feet_contact_force[:, :, 2])  # [N, 4 feet]
    lands = (on_ground & (self.air_time > 0.0)).float()
    steps = torch.sum(torch.clamp(self.air_time - 0.1, max=0.2) * lands, dim=-1)
    self.air_time = torch.where(on_ground, torch.zeros_like(self.air_time), self.air_time + control_dt)
    slip = -0.1 * torch.sum(on_ground.float() * torch.sum(torch.square(feet_velocity[:, :, :2]), dim=-1), dim=-1)

    level = -2.0 * torch.sum(torch.square(base_up[:, :2]), dim=-1)
    bounce = -0.5 * torch.square(base_linear_velocity[:, 2])
    wobble = -0.05 * torch.sum(torch.square(base_angular_velocity[:, :2]), dim=-1)
    posture = 0.5 * torch.exp(-torch.sum(torch.square(joint_positions - default_joint_positions), dim=-1))
    effort = -0.0002 * torch.sum(torch.square(joint_torques), dim=-1)
    smooth = -0.01 * torch.sum(torch.square(control - previous_control), dim=-1)

    terms = {
        "tracking": tracking, "turning": turning, "steps": steps, "slip": slip, "level": level,
        "bounce": bounce, "wobble": wobble, "posture": posture, "effort": effort, "smooth": smooth,
    }
    return sum(terms.values()), terms
