import numpy as np


def compute_dense_reward(self, action) -> float:
    def closeness(a, b, scale=0.3):
        """One at zero distance, falling to zero."""
        return np.exp(-np.linalg.norm(a - b) / scale)

    left = closeness(self.robot.lfinger.pose.p, self.cubeA.pose.p)
    right = closeness(self.robot.rfinger.pose.p, self.cubeA.pose.p)
    # The weaker finger decides
    grip = np.minimum(left, right)

    # Until half of the episode carrying is optional
    if self.elapsed_steps < 100:
        carry = 0.5 * closeness(self.cubeA.pose.p, self.goal_pos)
    else:
        carry = closeness(self.cubeA.pose.p, self.goal_pos, scale=0.5)

    # All joints within one radian of their home
    home = np.zeros(7)
    relaxed = np.all(np.abs(self.robot.qpos[:7] - home) < 1.2)
    return grip + carry + 0.25 * float(relaxed)
