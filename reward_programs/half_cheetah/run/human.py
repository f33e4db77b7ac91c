# Teaches: a term against a way out that the wish leaves open. Sliding on the back is fast too, so being upright pays.
# The terms add up to the total.
# Trained with the preset (1M steps), seed 0: 128 m in 20 s.
"""Reward by hand for half_cheetah/run: move forward, back upwards, do not waste torque."""

from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    forward_velocity: Tensor,
    torso_pitch: Tensor,
    control: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    forward = forward_velocity
    upright = 0.5 * torch.cos(torso_pitch)
    effort = -0.1 * torch.sum(torch.square(control), dim=-1)
    total = forward + upright + effort
    return total, {"forward": forward, "upright": upright, "effort": effort}
