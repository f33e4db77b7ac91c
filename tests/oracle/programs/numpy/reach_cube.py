import numpy as np


def compute_dense_reward(self, action) -> float:
    # Distance between the gripper and the cube
    distance = np.linalg.norm(self.robot.ee_pose.p - self.cubeA.pose.p)

    # tanh is steep near zero and flat far away
    reaching_reward = 1 - np.tanh(5 * distance)

    # Large commands cost a little
    action_penalty = 0.01 * np.sum(np.square(action))

    reward = reaching_reward - action_penalty
    return reward
