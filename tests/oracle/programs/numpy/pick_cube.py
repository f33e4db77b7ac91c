import numpy as np


def compute_dense_reward(self, action) -> float:
    # Stage weights
    w_reach, w_grasp, w_move = 0.4, 0.2, 0.4

    # Aliases of objects are as good as their long names
    robot = self.robot
    cube = self.cubeA

    tcp_to_cube = np.linalg.norm(robot.ee_pose.p - cube.pose.p)
    reward = w_reach * np.exp(-3.0 * tcp_to_cube)

    # The goal only counts with the cube in the hand
    if robot.is_grasping:
        reward += w_grasp
        cube_to_goal = np.linalg.norm(self.goal_pos - cube.pose.p)
        reward += w_move * np.exp(-3.0 * cube_to_goal)
        # Stop moving once there
        if cube_to_goal < 0.3:
            reward += 0.1 * (1 - np.tanh(np.linalg.norm(robot.qvel[:-2])))
    return reward
