# Teaches: a setting that is text. Its value is known when the program is compiled, so the other branch costs nothing.
import numpy as np


def is_stacked(self):
    offset = self.cubeA.pose.p - self.cubeB.pose.p
    return np.linalg.norm(offset - np.array([0.0, 0.0, 0.04])) < 0.01


def compute_dense_reward(self, action):
    success = is_stacked(self) and not self.robot.check_grasp(self.cubeA)
    if self.reward_mode == "sparse":
        return float(success)
    elif self.reward_mode == "dense":
        above = self.cubeB.pose.p + np.array([0.0, 0.0, 0.04])
        return 2.0 * success + np.exp(-5.0 * np.linalg.norm(self.cubeA.pose.p - above))
    else:
        raise ValueError("reward_mode is sparse or dense")
