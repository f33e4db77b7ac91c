# Teaches: a speed limit that depends on the height, as a lambda: fast from afar, slow at the end.
import numpy as np


def compute_dense_reward(self, action):
    # A body that brakes evenly has a speed like the square root of the way that is left.
    speed_limit = lambda height: 0.1 + np.sqrt(2.0 * np.maximum(height, 0.0))

    offset = np.linalg.norm(self.position[:2] - self.goal_position[:2])
    falling = -self.velocity[2]
    too_fast = max(0.0, falling - speed_limit(self.height))

    reward = -0.5 * offset - too_fast
    reward += 0.2 * np.clip(falling, 0.0, 1.0)
    if self.has_landed and too_fast == 0.0:
        reward += 10.0
    return reward
