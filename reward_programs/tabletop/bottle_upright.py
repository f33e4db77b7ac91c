# Teaches: a rotation matrix from a pose. Its third column is where the object's own z axis points, here the bottle's neck.
import numpy as np
from scipy.spatial.distance import cdist


def compute_dense_reward(self, action):
    neck = self.bottle.pose.to_transformation_matrix()[:3, 2]
    tilt = np.arccos(np.clip(neck[2], -1.0, 1.0))
    upright = 1.0 - tilt / np.pi

    # The nearest point of the bottle, not its middle: a bottle can be pushed anywhere.
    points = self.bottle.get_world_pcd()
    reach = cdist(self.robot.ee_pose.p.reshape(1, 3), points).min()
    slow = np.square(self.robot.qvel).mean()
    return 2.0 * upright - np.tanh(3.0 * reach) - 0.05 * slow
