# Teaches: counting contacts. In a walk exactly one foot carries the weight; both or none costs.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    forward_velocity: Tensor,
    foot_contact_force: Tensor,
    foot_height: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    feet_down = torch.sum(foot_contact_force > 5.0, dim=-1)
    single_support = 0.5 * (feet_down == 1).float()

    # Feet side by side: whichever swings, its height is the larger one.
    swing_height = torch.max(foot_height, dim=-1)[0]
    lift = -4.0 * torch.square(swing_height - 0.12)

    walk = torch.clamp(forward_velocity, -1.0, 1.0)
    return walk + single_support + lift, {"walk": walk, "single_support": single_support, "lift": lift}
