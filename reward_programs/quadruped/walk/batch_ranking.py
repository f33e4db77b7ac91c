# Teaches: what `batch-leak` warns of. Each robot is compared with the mean of all robots, so its reward depends on the others.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(base_linear_velocity: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    speed = base_linear_velocity[:, 0]
    # Without `dim` the mean runs over the whole batch. Carrot keeps that meaning, and says so.
    ahead = speed - speed.mean()  # warning: [batch-leak]
    return torch.tanh(ahead), {"ahead": ahead}
