# Teaches: a direction that changes. Heading and velocity are projected on the way to the target, wherever that is.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    pelvis_position: Tensor,
    target_position: Tensor,
    pelvis_velocity: Tensor,
    heading_vector: Tensor,
    torso_up: Tensor,
    control: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    way = (target_position - pelvis_position)[:, :2]
    direction = torch.nn.functional.normalize(way, dim=-1)

    progress = 1.0 * torch.clamp(torch.sum(pelvis_velocity[:, :2] * direction, dim=-1), max=2.0)
    facing = 0.5 * torch.sum(heading_vector[:, :2] * direction, dim=-1)
    # Flat above 0.93 and falling below it: leaning a little is free.
    upright = 0.3 * torch.where(torso_up[:, 2] > 0.93, torch.ones_like(progress), torso_up[:, 2] / 0.93)
    effort = -0.01 * torch.sum(torch.abs(control), dim=-1)
    total = progress + facing + upright + effort
    return total, {"progress": progress, "facing": facing, "upright": upright, "effort": effort}
