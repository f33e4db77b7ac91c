"""The classic cart and pole, as people wrote it: nested torch.where, no terms, only a total."""
import torch


@torch.jit.script
def compute_reward(pole_angle, pole_vel, cart_vel, cart_pos):
    # type: (Tensor, Tensor, Tensor, Tensor) -> Tensor

    # Upright is zero, so the square of the angle is what is missing
    reward = 1.0 - pole_angle * pole_angle - 0.01 * torch.abs(cart_vel) - 0.005 * torch.abs(pole_vel)

    # Leaving the track, or falling over, costs once and clearly
    reward = torch.where(torch.abs(cart_pos) > 2.4, torch.ones_like(reward) * -2.0, reward)
    reward = torch.where(torch.abs(pole_angle) > 1.5707963, torch.ones_like(reward) * -2.0, reward)
    return reward
