# Teaches: what makes a walk of a gallop. The legs take turns exactly when their split is zero on average, so that is remembered.
# The terms add up to the total.
"""Reward by hand for walker/walk: the commanded velocity, upright, one foot on the floor and the legs taking turns."""

from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    self,
    forward_velocity: Tensor,
    command_velocity: Tensor,
    torso_height: Tensor,
    torso_pitch: Tensor,
    joint_positions: Tensor,
    foot_contact_force: Tensor,
    control: Tensor,
    previous_control: Tensor,
    control_dt: float,
):
    tracking = torch.exp(-torch.square((forward_velocity - command_velocity) / 0.4))
    upright = 0.5 * torch.exp(-8.0 * torch.square(torso_pitch))
    height = -2.0 * torch.relu(1.15 - torso_height)

    # A foot that comes down is paid for its time in the air beyond 0.2 s, up to 0.5 s.
    on_ground = foot_contact_force > 5.0
    if not hasattr(self, "air_time"):
        self.air_time = torch.zeros_like(foot_contact_force)  # [N, 2 feet]
    lands = (on_ground & (self.air_time > 0.0)).float()
    steps = 2.0 * torch.sum(torch.clamp(self.air_time - 0.2, max=0.3) * lands, dim=-1)
    self.air_time = torch.where(on_ground, torch.zeros_like(self.air_time), self.air_time + control_dt)
    # A gallop always has the same leg in front; in a walk the legs' split is zero on average, over a second or so.
    split = joint_positions[:, 0] - joint_positions[:, 3]
    self.split = 0.98 * getattr(self, "split", torch.zeros_like(split)) + 0.02 * split
    turns = -1.0 * torch.abs(self.split)
    one_foot = 0.3 * (torch.sum(on_ground.float(), dim=-1) == 1.0).float()

    effort = -0.02 * torch.sum(torch.square(control), dim=-1)
    smooth = -0.02 * torch.sum(torch.square(control - previous_control), dim=-1)
    total = tracking + upright + height + steps + turns + one_foot + effort + smooth
    terms = {
        "tracking": tracking, "upright": upright, "height": height, "steps": steps,
        "turns": turns, "one_foot": one_foot, "effort": effort, "smooth": smooth,
    }
    return total, terms
