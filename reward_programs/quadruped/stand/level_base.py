# Teaches: projected gravity. Turned into the base's frame, "down" has no sideways part exactly when the base is level.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(base_quat: Tensor, base_height: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    down = torch.zeros_like(base_quat[:, :3])
    down[:, 2] = -1.0
    gravity = quat_rotate_inverse(base_quat, down)  # quaternion order x y z w

    level = -torch.sum(torch.square(gravity[:, :2]), dim=-1)
    height = -10.0 * torch.square(base_height - 0.32)
    return level + height, {"level": level, "height": height}
