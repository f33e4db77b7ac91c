# Stopped by unsupported: a decorator that runs when the text is read.
import torch

@(lambda f: print(f))  # error: [unsupported]
def compute_reward(x):
    return torch.abs(x)
