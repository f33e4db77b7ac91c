import numpy as np
import scipy.spatial.distance as sdist


def compute_dense_reward(self, action) -> float:
    # The axis between the fingers, and the one between the cubes
    finger_axis = self.robot.rfinger.pose.p - self.robot.lfinger.pose.p + np.array([0.0, 1e-2, 0.0])
    cube_axis = self.cubeB.pose.p - self.cubeA.pose.p + np.array([1e-2, 0.0, 0.0])

    # 0 for parallel, 1 for orthogonal, 2 for opposite
    misalignment = sdist.cosine(finger_axis, cube_axis)

    # The area of the parallelogram is another measure of it
    area = np.linalg.norm(np.cross(finger_axis, cube_axis))

    # The angle of the chair's rotation, from the trace of its matrix
    angle_cosine = (np.trace(self.chair.rotation) - 1) / 2
    rotation_error = np.arccos(np.clip(angle_cosine, -0.9, 0.9))

    reward = 1.0 - misalignment
    reward -= 0.3 * area
    reward -= 0.1 * rotation_error
    return float(reward)
