# Stopped by NonFinite: the sandbox names the term and the environment.
import numpy as np

def compute_dense_reward(self):
    return np.sqrt(-1.0 - self.x * self.x)
