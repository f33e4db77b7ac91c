# Teaches: following a command. `exp(-error^2 / width)` is 1 when the velocity fits, and the width says how near is near.
# The terms add up to the total.
import numpy as np


def compute_dense_reward(self, action):
    error = self.forward_velocity - self.command_velocity
    tracking = np.exp(-(error**2) / 0.25)
    upright = 0.3 * np.exp(-4.0 * self.torso_pitch**2)
    effort = 0.02 * np.dot(self.control, self.control)
    return tracking + upright - effort
