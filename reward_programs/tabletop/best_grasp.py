# Teaches: a list of poses. Several grasps are good, so the one that is cheapest to reach sets the reward.
import numpy as np


def grasp_cost(gripper, grasp):
    distance = np.linalg.norm(gripper.p - grasp.p)
    turn = 1.0 - abs(np.dot(gripper.q, grasp.q))
    return distance + 0.3 * turn


def compute_dense_reward(self, action):
    costs = [grasp_cost(self.robot.ee_pose, grasp) for grasp in self.grasp_poses]
    reward = -min(costs)
    if self.robot.check_grasp(self.cubeA):
        reward = 1.0
    return reward
