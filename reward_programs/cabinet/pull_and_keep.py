# Teaches: a branch on progress. Before the drawer is open, moving it pays; afterwards, keeping it still does.
import numpy as np


def compute_dense_reward(self, action):
    reach = 1.0 - np.tanh(4.0 * np.linalg.norm(self.gripper_position - self.handle_position))
    speed = np.linalg.norm(self.handle_velocity)
    is_open = self.drawer_opening >= 0.9 * self.drawer_goal

    if is_open:
        reward = 3.0 - np.tanh(5.0 * speed)
    else:
        reward = reach + self.drawer_opening / self.drawer_goal + 0.5 * np.tanh(2.0 * speed)
    return reward
