# Stopped by unknown-name: a Cyrillic letter that looks like a Latin one.
import torch

def compute_reward(x):
    return tоrch.abs(x)  # error: [unknown-name]
