import torch
from typing import Dict, Tuple
from torch import Tensor


@torch.jit.script
def compute_reward(object_rot: Tensor, goal_rot: Tensor, object_angvel: Tensor,
                   actions: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # The rotation that is left to do, as a quaternion (x, y, z, w)
    quat_diff = quat_mul(object_rot, quat_conjugate(goal_rot))

    # Its angle from the length of the vector part; the clamp keeps asin defined when rounding goes above one
    rot_dist = 2.0 * torch.asin(torch.clamp(torch.norm(quat_diff[:, 0:3], p=2, dim=-1), max=1.0))

    rotation_reward = 1.0 / (torch.abs(rot_dist) + 0.1)

    # Spinning past the goal is worse than arriving slowly
    spin = torch.norm(object_angvel, dim=-1)
    spin_penalty = -0.05 * torch.where(spin > 2.0, spin - 2.0, torch.zeros_like(spin))

    smoothness = -0.002 * torch.sum(torch.square(actions), dim=-1)
    total = rotation_reward + spin_penalty + smoothness
    return total, {"rotation": rotation_reward, "spin": spin_penalty, "smoothness": smoothness}
