# Teaches: memory in torch. Each foot's time in the air is counted up, and paid for when the foot comes down: long steps win.
# The terms add up to the total.
import torch
from torch import Tensor


def compute_reward(
    self,
    forward_velocity: Tensor,
    foot_contact_force: Tensor,
    control_dt: float,
):
    if not hasattr(self, "air_time"):
        self.air_time = torch.zeros_like(foot_contact_force)  # [N, 2 feet]
    on_ground = foot_contact_force > 5.0
    touches_down = on_ground & (self.air_time > 0.0)

    steps = torch.sum((self.air_time - 0.3) * touches_down.float(), dim=-1)
    self.air_time = torch.where(on_ground, torch.zeros_like(self.air_time), self.air_time + control_dt)

    walk = torch.clamp(forward_velocity, max=1.0)
    return walk + steps, {"walk": walk, "steps": steps}
