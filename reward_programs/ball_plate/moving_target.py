# Teaches: a target that moves with time: the ball follows a figure of eight that two sines draw.
import math
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(ball_position: Tensor, time: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    phase = 2.0 * math.pi * 0.2 * time
    target = 0.12 * torch.stack((torch.sin(phase), 0.5 * torch.sin(2.0 * phase)), dim=-1)
    distance = torch.linalg.norm(ball_position - target, dim=-1)
    follow = torch.exp(-distance / 0.05)
    return follow, {"follow": follow}
