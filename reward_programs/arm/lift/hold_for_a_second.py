# Teaches: a streak. Success is being at the goal for 20 steps in a row; a counter in memory starts again at every miss.
import numpy as np


def compute_dense_reward(self, action):
    distance = np.linalg.norm(self.cube_position - self.goal_position)
    self.streak = getattr(self, "streak", 0)
    if distance < 0.03:
        self.streak += 1
    else:
        self.streak = 0

    reward = np.exp(-10.0 * distance) + 0.05 * min(self.streak, 20)
    if self.streak >= 20:
        reward += 2.0
    return reward
