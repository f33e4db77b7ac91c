from typing import Dict, Tuple

import torch
import torch.nn.functional as F


def compute_reward(torso_height: torch.Tensor, root_states: torch.Tensor, feet_forces: torch.Tensor,
                   dof_pos: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    # Height above standing, never negative
    airborne = F.relu(torso_height - 0.6)
    height = torch.log1p(4.0 * airborne)

    # Upward speed counts while it is upward
    rising = torch.relu(root_states[:, 9:10]).squeeze(-1)

    # A soft landing: no foot takes more than its share; dim=2 runs over x, y, z
    force = torch.norm(feet_forces, dim=2)
    impact = torch.clamp(force - 40.0, min=0.0).sum(dim=1)

    # Symmetric legs: left joints mirror right joints
    left, right = dof_pos[:, 0:4], dof_pos[:, 4:8]
    asymmetry = torch.mean(torch.abs(left - right), dim=-1)

    columns = torch.stack((2.0 * height, 0.5 * rising, -0.02 * impact, -0.3 * asymmetry), dim=-1)
    return columns.sum(dim=-1), {
        "height": columns[:, 0],
        "rising": columns[:, 1],
        "impact": columns[:, 2],
        "symmetry": columns[:, -1],
    }
