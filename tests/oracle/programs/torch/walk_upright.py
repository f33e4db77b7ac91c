from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def compute_reward(torso_rot: Tensor, root_states: Tensor, torso_height: Tensor,
                   dof_vel: Tensor) -> Tuple[Tensor, Dict[str, Tensor]]:
    # Velocity and "down" as the torso feels them
    world_velocity = root_states[:, 7:10]
    local_velocity = quat_rotate_inverse(torso_rot, world_velocity)
    down = torch.zeros_like(world_velocity)
    down[:, 2] = -1.0
    local_down = quat_rotate_inverse(torso_rot, down)

    forward = local_velocity[:, 0].clip(-1.0, 1.5)

    # Upright means that "down" points along the body's own negative z axis
    uprightness = 0.5 * (1.0 - local_down[:, 2])

    # A soft step around a height of 0.9 m
    standing = torch.sigmoid(10.0 * (torso_height - 0.9))

    # The fastest joint decides
    fastest = dof_vel.abs().max(dim=-1)[0]
    calm = torch.exp(-0.2 * fastest)

    total = forward + uprightness * standing + 0.1 * calm
    return total, {"forward": forward, "uprightness": uprightness, "standing": standing, "calm": calm}
