# Stopped by program-too-large: lists inside each other, each twice in the next.
import numpy as np

def compute_dense_reward(self):
    items = [self.x]
    for i in range(60):
        items = [items, items]
    return np.sum(items)  # error: [program-too-large]
