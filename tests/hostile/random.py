# Stopped by randomness: the same state must always give the same reward.
import torch

def compute_reward(x):
    return x + torch.rand(1)  # error: [randomness]
