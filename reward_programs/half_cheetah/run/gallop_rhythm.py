# Teaches: a gait clock. A sine of time says which foot shall carry weight, and the reward compares that with the forces.
# The terms add up to the total.
import math
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    forward_velocity: Tensor,
    foot_contact_force: Tensor,
    time: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    strides_per_second = 2.5
    phase = torch.sin(2.0 * math.pi * strides_per_second * time)

    # Positive phase: the back foot's turn. Negative phase: the front foot's. `load` is between 0 and 1.
    load = torch.clamp(foot_contact_force / 200.0, max=1.0)
    rhythm = 0.5 * phase * (load[:, 0] - load[:, 1])

    forward = 0.3 * forward_velocity
    return forward + rhythm, {"forward": forward, "rhythm": rhythm}
