# Teaches: plain Python over NumPy arrays: tuple unpacking, a helper function and a generator that sums over the legs.
# The terms add up to the total.
import numpy as np


def leg_power(leg, torques, velocities):
    """Power that one leg takes, in W. What it gives back while braking is lost."""
    first = 3 * leg
    power = torques[first : first + 3] * velocities[first : first + 3]
    return np.maximum(power, 0.0).sum()


def compute_dense_reward(self, action):
    forward, leftward, _ = self.base_linear_velocity
    power = sum(leg_power(leg, self.joint_torques, self.joint_velocities) for leg in range(4))

    reward = 1.0 * forward
    reward -= 0.5 * abs(leftward)
    reward -= 0.001 * power
    return float(reward)
