# Teaches: success first. Once the goal is met the reward is its largest value, whatever the shaping would say.
import numpy as np


def is_lifted(height, threshold=0.2):
    return height > threshold


def compute_dense_reward(self, action):
    height = self.cube_position[2]
    is_still = np.max(np.abs(self.joint_velocities)) < 0.2
    if is_lifted(height) and is_still:
        return 3.0

    distance = np.linalg.norm(self.gripper_position - self.cube_position)
    reward = np.exp(-8.0 * distance)
    reward += 1.0 if self.is_grasped else 0.0
    reward += np.clip(height / 0.2, 0.0, 1.0) - 0.05 * np.mean(np.abs(self.joint_velocities))
    return reward
