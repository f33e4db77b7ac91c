# Teaches: even forces. The variance over the fingers is small when all of them carry their part.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(fingertip_force: Tensor, object_linvel: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    force = torch.norm(fingertip_force, dim=-1)  # [N, 5]
    even = -0.2 * torch.var(force, dim=-1, unbiased=False)

    # Pressing harder helps, with ever less gain.
    grip = 0.3 * torch.log1p(force.mean(dim=-1))
    still = -1.0 * torch.norm(object_linvel, dim=-1)
    return even + grip + still, {"even": even, "grip": grip, "still": still}
