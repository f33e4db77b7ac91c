# Teaches: questions to the simulator. `self.robot.check_grasp(self.cubeA)` is a variable like any other, bound by its text.
import numpy as np


def compute_dense_reward(self, action):
    robot, cube = self.robot, self.cubeA
    to_cube = np.linalg.norm(cube.pose.p - robot.ee_pose.p)
    reward = 1.0 - np.tanh(5.0 * to_cube)

    if robot.check_grasp(cube, max_angle=30):
        reward += 1.0
        to_goal = np.linalg.norm(self.goal_pos - cube.pose.p)
        reward += 1.0 - np.tanh(5.0 * to_goal)
        if cube.check_static() and to_goal < 0.02:
            reward += 1.0
    return reward
