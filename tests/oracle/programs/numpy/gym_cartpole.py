import numpy as np


def compute_reward(obs, action, training_progress=0.0):
    """Balance the pole. obs: cart position, cart velocity, pole angle, pole velocity."""
    x, x_dot, theta, theta_dot = obs[0], obs[1], obs[2], obs[3]

    upright = float(1.0 - min(abs(theta) / 0.8, 1.0))
    centered = float(1.0 - min(abs(x) / 2.4, 1.0))
    calm = -0.05 * (abs(x_dot) + abs(theta_dot))

    # Later in the training the centre matters more
    weight = 0.3 + 0.2 * training_progress
    reward = upright + weight * centered + calm
    return float(reward), {"upright": float(upright), "centered": float(centered), "calm": float(calm)}
