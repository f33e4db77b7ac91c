import math

import torch


def compute_reward(pole_angle: torch.Tensor, pole_vel: torch.Tensor, actions: torch.Tensor):
    # atan2 of sine and cosine brings any angle into (-pi, pi]
    angle = torch.atan2(torch.sin(pole_angle), torch.cos(pole_angle))
    height = 0.5 * (1.0 + torch.cos(angle))

    # Energy that is missing to stand upright, for a pole of one metre
    gravity = 9.81
    kinetic = torch.pow(pole_vel, 2) / 6.0
    potential = 0.5 * gravity * torch.cos(pole_angle)
    missing = torch.abs(kinetic + potential - 0.5 * gravity)
    pump = torch.exp(-0.5 * torch.sqrt(missing + 1e-3))

    # Near the top a low speed counts as well
    near_top = (torch.abs(angle) < math.pi / 6).float()
    calm = near_top * torch.exp(-0.1 * pole_vel ** 2)

    effort = 1e-3 * actions[:, 0] ** 2
    reward = height + 0.5 * pump + calm - effort
    return reward, {"height": height, "pump": pump, "calm": calm, "effort": effort}
