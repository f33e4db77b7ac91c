# Teaches: a mask as a factor. `(force < 1).float()` is 1 in flight and 0 on the ground, so height pays only in the air.
# The terms add up to the total.
# Trained with `--steps 300k`, seed 0: 20.0 m in 8 s.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    forward_velocity: Tensor,
    foot_height: Tensor,
    foot_contact_force: Tensor,
    torso_pitch: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    in_flight = (foot_contact_force < 1.0).float()
    forward = 1.0 * forward_velocity
    clearance = 2.0 * in_flight * torch.clamp(foot_height - 0.06, min=0.0, max=0.3)
    upright = 1.0 - torch.square(torso_pitch)
    return forward + clearance + upright, {"forward": forward, "clearance": clearance, "upright": upright}
