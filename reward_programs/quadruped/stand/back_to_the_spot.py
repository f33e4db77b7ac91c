# Teaches: a place that is remembered. Where the episode began is where the robot belongs, and a push shall not move it for good.
import numpy as np


def compute_dense_reward(self, action):
    here = self.base_position[:2]
    if not hasattr(self, "spot"):
        self.spot = here
    away = np.linalg.norm(here - self.spot)

    upright = self.base_up[2] > 0.9 and self.base_height > 0.25
    if not upright:
        return 0.0
    return 0.5 + 0.5 * np.exp(-away / 0.1)
