import torch
from typing import Dict, Tuple


@torch.jit.script
def compute_reward(root_states: torch.Tensor, potentials: torch.Tensor, prev_potentials: torch.Tensor,
                   actions: torch.Tensor, dof_vel: torch.Tensor, dt: float) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Columns 7 to 9 of the root state are the linear velocity
    velocity = root_states[:, 7:10]
    forward_velocity = velocity[:, 0]

    # Progress: the potential is a distance over dt, so its change is a velocity
    progress = potentials - prev_potentials
    progress_reward = torch.tanh(progress * dt * 5.0)

    # Drifting sideways costs, whatever its direction
    drift = torch.abs(velocity[:, 1])

    # An upright torso has a height between 0.3 m and 1 m
    height = root_states[:, 2]
    alive = torch.where((height > 0.3) & (height < 1.0), torch.tensor(1.0, device=height.device), torch.tensor(-1.0))

    # Mechanical power is torque times velocity
    power = torch.sum(torch.abs(actions * dof_vel), dim=-1)

    total = 1.5 * forward_velocity + progress_reward - 0.5 * drift + 0.25 * alive - 0.005 * power
    return total, {
        "forward_velocity": forward_velocity,
        "progress": progress_reward,
        "drift": drift,
        "alive": alive,
        "power": power,
    }
