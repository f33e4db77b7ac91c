import numpy as np
from scipy.spatial.distance import cdist


def compute_dense_reward(self, action) -> float:
    reward = 0.0

    # The nearest pair of fingertip and handle point: a 1x3 against a 6x3 array
    tcp = self.robot.ee_pose.p.reshape(1, 3)
    handle = self.cabinet.handle_points
    distance = cdist(tcp, handle).min()
    reward -= 0.5 * distance

    # How much of the way is left
    progress = self.target_link.qpos / self.target_link.target_qpos
    progress = np.clip(progress, 0, 1)
    reward += 2.0 * progress

    if progress >= 1:
        # Open: only standing still is left to do
        reward += 1.0 - np.tanh(np.abs(self.target_link.qvel))
    elif distance < 0.4:
        # On the handle: moving the right way helps
        reward += 0.5 * max(self.target_link.qvel, 0.0)

    return reward
