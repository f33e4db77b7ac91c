import numpy as np


def compute_dense_reward(self, action) -> float:
    # The sponge is the lowest point of the hand: never write into the variable itself
    sponge = self.robot.ee_pose.p.copy()
    sponge[2] -= 0.05

    # Pressing: -2 cm to 0 cm is right; a chained comparison
    pressing = 1.0 if -0.2 <= sponge[2] <= 0.1 else 0.0

    # The points that are still dirty: squared distances along the last axis
    offsets = self.cabinet.handle_points - sponge
    squared = (offsets ** 2).sum(axis=1)
    nearest = np.sqrt(np.min(squared))
    farthest = np.sqrt(squared.max())

    coverage = 1.0 - np.clip(farthest, 0.0, 2.0) / 2.0
    reward = pressing * (1.0 - np.tanh(2.0 * nearest)) + 0.5 * coverage

    # Fast joints wipe, but jerks break things
    peak = np.max(np.abs(self.robot.qvel))
    reward += np.where(peak > 1.5, -0.5, 0.1 * peak)
    return reward
