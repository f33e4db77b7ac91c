import numpy as np


def compute_dense_reward(self, action) -> float:
    cubeA_pos = self.cubeA.pose.p
    cubeB_pos = self.cubeB.pose.p

    # Where the upper cube belongs: a constant vector added to the place of the lower one
    goal = cubeB_pos + np.array([0, 0, 2 * self.cube_half_size])
    offset = cubeA_pos - goal

    xy_distance = np.linalg.norm(offset[:2])
    z_distance = np.abs(offset[2])
    aligned = xy_distance <= 0.3 and z_distance <= 0.3
    static = np.linalg.norm(self.cubeA.velocity) < 0.4

    if aligned and static and not self.robot.is_grasping:
        return 8.0

    reach = 1 - np.tanh(3 * np.linalg.norm(self.robot.ee_pose.p - cubeA_pos))
    place = 1 - np.tanh(3 * (xy_distance + z_distance))
    reward = reach + (2 * place if self.robot.is_grasping else 0)

    # Aligned but still held: let go
    if aligned and self.robot.is_grasping:
        reward += self.robot.gripper_openness
    return reward
