# Teaches: balance without angles. Whatever the posture, the base belongs over the middle of the feet that carry it.
# The terms add up to the total.
import torch
from torch import Tensor


def compute_reward(base_position: Tensor, base_height: Tensor, feet_position: Tensor, feet_contact_force: Tensor):
    load = torch.clamp(feet_contact_force[:, :, 2], min=0.0) + 0.01  # [N, 4]; never all zero
    share = (load / load.sum(dim=1, keepdim=True)).unsqueeze(-1)  # [N, 4, 1]
    pressure = torch.sum(share * feet_position, dim=1)  # [N, 3]: the centre of pressure

    offset = torch.norm(base_position[:, :2] - pressure[:, :2], dim=-1)
    balance = torch.exp(-offset / 0.05)
    height = torch.clamp(base_height / 0.32, max=1.0)
    return balance + height, {"balance": balance, "height": height}
