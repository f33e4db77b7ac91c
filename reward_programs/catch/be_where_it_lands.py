# Teaches: a prediction. Free flight is a parabola, so the place where the ball comes down is known before it arrives.
# The terms add up to the total.
from typing import Dict, Tuple

import torch
from torch import Tensor


def compute_reward(
    ball_pos: Tensor,
    ball_vel: Tensor,
    right_hand_pos: Tensor,
) -> Tuple[Tensor, Dict[str, Tensor]]:
    g = 9.81
    # z + v t - g t^2 / 2 = hand: the later of the two solutions, and none if the ball will not come as high.
    drop = ball_pos[:, 2] - right_hand_pos[:, 2]
    root = torch.sqrt(torch.clamp(ball_vel[:, 2] ** 2 + 2.0 * g * drop, min=0.0))
    flight_time = torch.clamp((ball_vel[:, 2] + root) / g, min=0.0)

    landing = ball_pos[:, :2] + flight_time.unsqueeze(1) * ball_vel[:, :2]
    wait = torch.exp(-4.0 * torch.norm(landing - right_hand_pos[:, :2], dim=-1))
    near = torch.exp(-6.0 * torch.norm(ball_pos - right_hand_pos, dim=-1))
    return wait + near, {"wait": wait, "near": near}
