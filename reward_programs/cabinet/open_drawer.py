# Teaches: reach with a point cloud. The nearest pair of points counts, so that any grip on the handle is good.
import numpy as np
from scipy.spatial.distance import cdist


def compute_dense_reward(self, action):
    distances = cdist(self.gripper_points, self.handle_points)  # [6, 24]
    nearest = distances.min(axis=1)  # each gripper point to the handle
    reaching = -nearest.mean()

    progress = self.drawer_opening / self.drawer_goal
    opening = 3.0 * min(progress, 1.0)
    control = -0.01 * np.sum(np.abs(self.control))
    return reaching + opening + control
