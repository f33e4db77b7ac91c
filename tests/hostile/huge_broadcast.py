# Stopped by program-too-large: two small arrays whose sum is a large one.
import numpy as np

def compute_dense_reward(self):
    a = np.ones((64, 1))
    b = np.ones((1, 4096))
    return np.sum(a + b) * self.x  # error: [program-too-large]
