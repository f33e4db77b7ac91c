import numpy as np


def compute_dense_reward(self, action) -> float:
    # The angle between the chair's z axis and the vertical, from the cosine
    z_axis_chair = self.chair.rotation[:3, 2]
    length = np.linalg.norm(z_axis_chair) + 0.2
    tilt = np.arccos(np.clip(z_axis_chair[2] / length, -0.95, 0.95))
    upright_reward = -max(tilt - 0.2, 0.0)

    # Pushing goes over the ground
    to_goal = self.goal_pos[:2] - self.chair.pose.p[:2]
    distance = np.linalg.norm(to_goal)
    push_reward = -2.0 * distance
    if distance < 0.3:
        push_reward += 1.0

    # Stand behind the chair: base, chair and goal in one line
    behind = self.chair.pose.p[:2] - self.robot.base_pose.p[:2]
    heading = np.dot(behind, to_goal) / (np.linalg.norm(behind) * distance + 1e-2)

    smooth_reward = -0.02 * np.abs(action).sum()
    return upright_reward + push_reward + 0.5 * heading + smooth_reward
