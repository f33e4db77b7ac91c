# Stopped by nesting-too-deep: a list that contains itself, as an array.
import numpy as np

def compute_dense_reward(self):
    items = [self.x]
    items[0] = items
    return np.sum(items)  # error: [nesting-too-deep]
