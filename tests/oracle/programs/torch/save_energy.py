from typing import Dict, Tuple

import torch


def compute_reward(actions: torch.Tensor, dof_vel: torch.Tensor, dof_pos: torch.Tensor, dof_pos_limits: torch.Tensor,
                   motor_efforts: torch.Tensor, torso_height: torch.Tensor,
                   dt: float) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # [N, 8] * [8]: what all environments share broadcasts over them
    torque = torch.clip(actions, -1.0, 1.0) * motor_efforts
    work = torch.sum(torch.abs(torque * dof_vel), dim=-1) * dt
    energy = -0.05 * work

    # Out of the soft limits (90 % of the range) on either side
    centre = 0.5 * (dof_pos_limits[:, 0] + dof_pos_limits[:, 1])
    half_range = 0.45 * torch.abs(dof_pos_limits[:, 1] - dof_pos_limits[:, 0])
    below = -(dof_pos - (centre - half_range)).clip(max=0.0)
    above = (dof_pos - (centre + half_range)).clip(min=0.0)
    limits = -torch.sum(below + above, dim=1)

    # Joints that work against each other
    direction = torch.sign(torque) * torch.sign(dof_vel)
    braking = (direction < 0).float().mean(dim=-1)

    alive = torch.ones_like(work) * float(2)
    fallen = torso_height < 0.4
    alive[fallen] = 0.0
    total = alive + energy + limits - 0.1 * braking
    return total, {"alive": alive, "energy": energy, "limits": limits, "braking": braking}
