# Teaches: contact forces, with a dead zone and a cap: forces below 100 N are free, and one stumble cannot ruin an episode.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    base_linear_velocity: Tensor,
    feet_contact_force: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    force = torch.norm(feet_contact_force, dim=-1)  # [N, 4]
    excess = torch.clip(force - 100.0, 0.0, 150.0)

    forward = torch.clip(base_linear_velocity[:, 0], max=1.0)
    impact = -0.005 * excess.sum(dim=-1)
    return forward + impact, {"forward": forward, "impact": impact}
