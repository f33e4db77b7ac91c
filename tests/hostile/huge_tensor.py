# Stopped by program-too-large: an array of a billion numbers.
import torch

def compute_reward(x):
    return x + torch.zeros(10**9).sum()  # error: [program-too-large]
