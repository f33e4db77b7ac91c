# Teaches: the Huber loss. Small errors count squared and large ones plainly, so that a push is no catastrophe.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def compute_reward(
    base_linear_velocity: Tensor,
    joint_positions: Tensor,
    default_joint_positions: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    speed = torch.norm(base_linear_velocity, dim=-1)
    still = -1.0 * F.smooth_l1_loss(speed, torch.zeros_like(speed), reduction="none", beta=0.2)

    stray = joint_positions - default_joint_positions
    posture = -0.3 * F.huber_loss(stray, torch.zeros_like(stray), reduction="none", delta=0.3).sum(dim=-1)
    alive = torch.ones_like(speed)
    return still + posture + alive, {"still": still, "posture": posture, "alive": alive}
