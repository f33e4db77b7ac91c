# Teaches: symmetry by swapping sides. `torch.flip` puts the left leg in the place of the right one.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    forward_velocity: Tensor,
    torso_height: Tensor,
    joint_velocities: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    # [N, 2 legs, 3 joints]; in a walk one leg swings forward as fast as the other one swings back.
    legs = joint_velocities.view(-1, 2, 3)
    opposite = torch.flip(legs, dims=[1])
    imbalance = torch.norm(legs + opposite, dim=-1).mean(dim=-1)

    walk = 1.0 * torch.clamp(forward_velocity, max=1.5)
    height = -2.0 * torch.relu(1.1 - torso_height)
    symmetry = -0.03 * imbalance
    return walk + height + symmetry, {"walk": walk, "height": height, "symmetry": symmetry}
