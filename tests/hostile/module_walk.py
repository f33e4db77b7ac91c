# Stopped by unknown-attribute: the way from a library to its files.
import numpy as np
import torch

def compute_dense_reward(self):
    a = np.load("weights.npy", allow_pickle=True)  # error: [unknown-attribute]
    b = np.__loader__  # error: [unknown-attribute]
    c = torch.load("weights.pt")  # error: [unknown-attribute]
    d = torch.utils.cpp_extension.load  # error: [unknown-attribute]
    return self.x
