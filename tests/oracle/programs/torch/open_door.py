from typing import Dict, Tuple

import torch


@torch.jit.script
def compute_reward(
    right_hand_pos: torch.Tensor,
    handle_pos: torch.Tensor,
    door_angle: torch.Tensor,
    actions: torch.Tensor,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Getting hold of the handle matters until the door moves
    handle_distance = torch.norm(right_hand_pos - handle_pos, dim=1)
    approach = 1.0 - torch.tanh(3.0 * handle_distance)

    # Opening pays in proportion to the angle, up to 70 degrees
    opening = torch.clamp(door_angle / 1.2217, 0.0, 1.0)
    is_open = (door_angle > 0.6).float()

    # The mean over the joints keeps the weight the same for any number of joints
    effort = actions.abs().mean(dim=-1)

    weights = torch.tensor([0.5, 2.0, 1.0, -0.1], device=door_angle.device)
    reward = weights[0] * approach + weights[1] * opening + weights[2] * is_open + weights[3] * effort
    return reward, {"approach": approach, "opening": opening, "open": is_open, "effort": effort}
