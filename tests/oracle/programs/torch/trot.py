from typing import Dict, Tuple

import torch


def compute_reward(feet_in_contact: torch.Tensor, feet_forces: torch.Tensor, base_lin_vel: torch.Tensor,
                   commands: torch.Tensor, episode_step: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Trotting keeps two feet on the ground, and they are diagonal
    touching = feet_in_contact.float()
    count = torch.sum(touching, dim=-1)
    two_feet = (count == 2).float()
    front_left, front_right = feet_in_contact[:, 0], feet_in_contact[:, 1]
    rear_left, rear_right = feet_in_contact[:, 2], feet_in_contact[:, 3]
    diagonal = ((front_left == rear_right) & (front_right == rear_left)).float()

    # Feet that push sideways harder than 1.5 times down stumble
    sideways = torch.norm(feet_forces[:, :, :2], dim=2)
    stumbling = torch.any(sideways > 1.5 * torch.abs(feet_forces[:, :, 2]), dim=1)

    # Without a command, standing still is right
    moving = torch.norm(commands[:, :2], dim=1) > 0.5
    speed = base_lin_vel[:, :2].norm(dim=-1)
    gait = two_feet * diagonal * moving + (~moving) * torch.exp(-speed)

    # The first steps after a reset are not judged
    grace = (episode_step >= 25).to(torch.float32)
    stumble = -0.5 * stumbling.float() * grace
    return gait + stumble, {"gait": gait, "stumble": stumble}
