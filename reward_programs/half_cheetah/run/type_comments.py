# Teaches: the older way to write types, in a comment below `def`, which TorchScript reads and Carrot accepts.
# The terms add up to the total.
import torch


@torch.jit.script
def compute_reward(forward_velocity, torso_pitch, control, previous_control):
    # type: (Tensor, Tensor, Tensor, Tensor) -> Tuple[Tensor, Dict[str, Tensor]]
    run = torch.tanh(forward_velocity / 6.0)
    level = -0.1 * torch.abs(torch.sin(torso_pitch))
    change = -0.02 * torch.norm(control - previous_control, p=1, dim=-1)
    return run + level + change, {"run": run, "level": level, "change": change}
