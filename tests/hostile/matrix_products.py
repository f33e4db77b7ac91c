# Stopped by program-too-large: products of large matrices.
import numpy as np

def compute_dense_reward(self):
    m = self.x * np.arange(4096).reshape(64, 64)
    return np.trace(m @ m @ m @ m)  # error: [program-too-large]
