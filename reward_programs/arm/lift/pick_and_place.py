# Teaches: stages. Each stage adds to the one before, so that progress never costs anything: reach, grasp, lift, place.
import numpy as np


def compute_dense_reward(self, action):
    reward = 0.0

    # Stage 1: reach. Between 0 and 1.
    to_cube = np.linalg.norm(self.cube_position - self.gripper_position)
    reaching = 1.0 - np.tanh(5.0 * to_cube)
    reward += reaching

    # Stage 2: grasp.
    if self.is_grasped:
        reward += 1.0

        # Stage 3: lift, up to 10 cm above the table.
        lifted = np.clip(self.cube_position[2] - self.cube_half_size, 0.0, 0.1) / 0.1
        reward += lifted

        # Stage 4: place, as soon as the cube has left the table.
        if lifted > 0.2:
            to_goal = np.linalg.norm(self.goal_position - self.cube_position)
            placing = 1.0 - np.tanh(5.0 * to_goal)
            reward += 2.0 * placing
    return reward
