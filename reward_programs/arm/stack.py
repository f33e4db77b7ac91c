# Teaches: conditions that must hold together. Stacked means: above it, near it, still, and let go.
import numpy as np


def compute_dense_reward(self, action):
    offset = self.cube_position - self.other_cube_position
    horizontal = np.linalg.norm(offset[:2])
    vertical = abs(offset[2] - 2 * self.cube_half_size)
    is_on_top = horizontal < 0.02 and vertical < 0.01
    is_still = np.linalg.norm(self.cube_velocity) < 0.05

    if is_on_top and is_still and not self.is_grasped:
        reward = 5.0
    elif self.is_grasped:
        reward = 2.0 - np.tanh(5.0 * horizontal) - np.tanh(5.0 * vertical)
        if is_on_top:
            # Nearly there: what is left to do is to open the fingers.
            reward += self.gripper_opening / 0.08
    else:
        reward = 1.0 - np.tanh(5.0 * np.linalg.norm(self.gripper_position - self.cube_position))
    return reward
