import numpy as np


def compute_reward(obs, action, training_progress=0.0):
    """Swing up and hold. obs: cosine and sine of the angle, angular velocity."""
    theta = np.arctan2(obs[1], obs[0] + 0.01)
    theta_dot = obs[2]
    torque = np.clip(2.0 * action[0], -2.0, 2.0)

    # Remainders as Python counts them: the result has the sign of the divisor
    wrapped = (theta + np.pi) % (2 * np.pi) - np.pi
    turns = (theta_dot * 3.0) // 1.0

    cost = wrapped ** 2 + 0.1 * theta_dot ** 2 + 0.001 * torque ** 2
    spin = -0.05 * abs(turns)
    total = -cost + spin
    return total, {"cost": -cost, "spin": spin}
