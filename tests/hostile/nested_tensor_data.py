# Stopped by program-too-large: lists inside each other, each twice in the next, as the data of a tensor.
import torch

def compute_reward(x):
    items = [1.0]
    for i in range(60):
        items = [items, items]
    return x + torch.tensor(items)  # error: [program-too-large]
