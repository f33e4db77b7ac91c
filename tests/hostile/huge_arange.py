# Stopped by program-too-large: a range as an array.
import numpy as np

def compute_dense_reward(self):
    return np.arange(10**12).sum() + self.x  # error: [program-too-large]
