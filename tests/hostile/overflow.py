# Stopped by NonFinite: an exponential that grows with its own value.
import numpy as np

def compute_dense_reward(self):
    y = self.x
    for i in range(8):
        y = np.exp(y)
    return y
