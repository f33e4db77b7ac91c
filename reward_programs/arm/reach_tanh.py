# Teaches: distance shaping with tanh. Its slope never jumps, it stays between 0 and 1, and it can be scaled to any range.
import numpy as np


def compute_dense_reward(self, action):
    distance = np.linalg.norm(self.gripper_position - self.cube_position)
    reaching_reward = 1.0 - np.tanh(5.0 * distance)
    return reaching_reward
