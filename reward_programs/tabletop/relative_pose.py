# Teaches: pose algebra. `a.inv() * b` is b as a sees it, so one line gives the cube's place in the gripper's own frame.
import numpy as np


def compute_dense_reward(self, action):
    cube_in_gripper = self.robot.ee_pose.inv() * self.cubeA.pose

    # The gripper's z axis leaves between the fingers: x and y are misses, z is the way that is left.
    miss = np.linalg.norm(cube_in_gripper.p[:2])
    ahead = cube_in_gripper.p[2]

    # The scalar part of the relative quaternion is the cosine of half the angle between the two.
    aligned = abs(cube_in_gripper.q[0])
    reward = np.exp(-10.0 * miss) + 0.5 * aligned
    if ahead > 0.0:
        reward -= ahead
    else:
        reward -= 0.2  # the cube is behind the fingers
    return reward
