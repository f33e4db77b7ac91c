import numpy as np


def compute_dense_reward(self, action):
    """Lift the cube; returns early in each stage that is not complete."""
    gripper_pos = self.robot.ee_pose.p
    cube_pos = self.cubeA.pose.p
    distance = np.linalg.norm(gripper_pos - cube_pos)

    # Stage 1: come near, with an open hand
    if distance > 0.5:
        return -distance + 0.1 * self.robot.gripper_openness

    # Stage 2: close the hand
    if not self.robot.is_grasping:
        return 0.5 - 0.2 * self.robot.gripper_openness

    # Stage 3: up, at most to the height of the goal
    height = min(cube_pos[2], self.goal_pos[2])
    lifted = max(height - self.init_pos[2], 0)
    return 1.0 + 2.0 * lifted
