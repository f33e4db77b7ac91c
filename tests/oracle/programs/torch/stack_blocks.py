from typing import Dict, Tuple

import torch


def compute_reward(object_pos, goal_pos, object_linvel, right_hand_pos, episode_step):
    # type: (Tensor, Tensor, Tensor, Tensor, Tensor) -> Tuple[Tensor, Dict[str, Tensor]]
    planar = torch.norm(object_pos[:, :2] - goal_pos[:, :2], dim=-1)
    height_error = torch.abs(object_pos[:, 2] - goal_pos[:, 2])

    # Stages as truth values: each needs the one before
    above = planar < 0.4
    placed = torch.logical_and(above, height_error < 0.3)
    still = (object_linvel ** 2).sum(-1) < 2.0
    released = ~(torch.norm(right_hand_pos - object_pos, dim=-1) < 0.3)
    done = placed & still & released

    align = 1 - torch.tanh(4 * planar)
    place = torch.where(above, 1 - torch.tanh(4 * height_error), torch.zeros_like(planar))

    # Whoever is late or fails early gets nothing on top
    late = torch.logical_or(episode_step > 400, torch.logical_not(above))
    bonus = torch.where(done, 5.0, 0.0) - late.float()

    return align + place + bonus, {"align": align, "place": place, "bonus": bonus}
