import numpy as np


def compute_dense_reward(self, action) -> float:
    # Points in one array: two rows of three
    cubes = np.array([self.cubeA.pose.p, self.cubeB.pose.p])
    center = cubes.mean(axis=0)
    spread = np.linalg.norm(cubes - center, axis=1)

    gather_reward = -spread.sum()
    center_reward = -np.linalg.norm(center - self.goal_pos, ord=2)

    # Squared joint velocities against a matrix of weights, which here is the unit matrix
    weights = np.eye(9)
    kinetic = 0.5 * np.dot(self.robot.qvel, np.dot(weights, self.robot.qvel))

    # A vector put together from pieces
    effort = np.hstack([action[:3], 2.0 * action[3:6]])
    effort_penalty = -0.01 * np.abs(effort).max()

    reward = gather_reward + center_reward - 0.01 * kinetic + effort_penalty
    return reward
