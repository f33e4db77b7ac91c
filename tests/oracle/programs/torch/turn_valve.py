from typing import Dict, Tuple

import torch
from torch import Tensor


@torch.jit.script
def near(distance: Tensor, scale: float) -> Tensor:
    """One at zero, one half at `scale`."""
    return 1.0 / (1.0 + (distance / scale) ** 2)


@torch.jit.script
def compute_reward(door_angle: Tensor, object_angvel: Tensor, handle_pos: Tensor, left_hand_pos: Tensor,
                   right_hand_pos: Tensor, target_angle: float = 1.0) -> Tuple[Tensor, Dict[str, Tensor]]:
    # The valve turns about z
    remaining = target_angle - door_angle
    turn_rate = object_angvel[:, -1]

    # Turning the right way is good, turning the wrong way is bad, standing still is neither
    right_way = torch.sign(remaining) * torch.tanh(turn_rate)

    # Close to the target the turning should end
    close = torch.abs(remaining) < 0.3
    motion = torch.where(close, -0.2 * torch.abs(turn_rate), right_way)

    left = torch.norm(left_hand_pos - handle_pos, p=2, dim=-1)
    right = torch.norm(right_hand_pos - handle_pos, p=2, dim=-1)
    holding = torch.maximum(near(left, 0.1), near(right, 0.1))

    angle_reward: Tensor = torch.exp(-2.0 * remaining.abs())
    total = (angle_reward + 0.3 * motion) * (0.5 + 0.5 * holding)
    return total, {"angle": angle_reward, "motion": motion, "holding": holding}
