# Teaches: a product of exponentials. Position, tilt and spin must all be good, since one bad factor spoils the product.
from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(
    position: Tensor,
    goal_position: Tensor,
    orientation: Tensor,
    angular_velocity: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    near = torch.exp(-1.0 * torch.sum(torch.square(position - goal_position), dim=-1))

    # Order w x y z: the z component of the drone's own z axis is 1 - 2 (x^2 + y^2).
    up = 1.0 - 2.0 * (torch.square(orientation[:, 1]) + torch.square(orientation[:, 2]))
    level = torch.exp(-3.0 * (1.0 - up))
    calm = torch.exp(-0.1 * torch.sum(torch.square(angular_velocity), dim=-1))
    return near * level * calm, {"near": near, "level": level, "calm": calm}
