# Teaches: distance shaping with tanh. It is 1 at the goal and never below 0, so that stages can be stacked on top of it.
import numpy as np


def compute_dense_reward(self, action):
    distance = np.linalg.norm(self.gripper_position - self.goal_position)
    reaching_reward = 1.0 - np.tanh(5.0 * distance)
    return reaching_reward
