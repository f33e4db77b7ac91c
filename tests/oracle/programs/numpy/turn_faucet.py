import numpy as np


def compute_dense_reward(self, action) -> float:
    # Mean distance of both fingers to the middle of the handle
    handle_center = np.mean(self.cabinet.handle_points, axis=0)
    fingers = [self.robot.lfinger.pose.p, self.robot.rfinger.pose.p]
    distance = sum(np.linalg.norm(finger - handle_center) for finger in fingers) / len(fingers)

    # The angle that is missing, in parts of the whole
    remaining = max(self.target_link.target_qpos - self.target_link.qpos, 0.0)
    turned = 1.0 - remaining / self.target_link.target_qpos

    near_reward = np.exp(-2.0 * distance)
    turn_reward = turned ** 2

    # Turning only counts from near the handle
    reward = near_reward + 3.0 * turn_reward * (1.0 if distance < 0.8 else 0.5)
    return reward
