import numpy as np


def compute_reward(obs, action, training_progress=0.0):
    """Hop forward. obs: height, pitch, three joint angles, forward velocity, vertical velocity, pitch velocity, …"""
    height, pitch = obs[0], obs[1]
    forward = obs[5]

    # Healthy: high enough and not tilted
    healthy = bool(height > -0.3) and abs(pitch) < 1.0
    healthy_reward = 1.0 if healthy else 0.0

    # Up to the speed that is wanted, then flat
    target = 1.0 + 0.5 * training_progress
    forward_reward = min(forward, target)

    # Every joint speed beyond one radian per second
    excess = np.maximum(np.abs(obs[8:]) - 1.0, 0.0)
    control = 1e-2 * np.square(action).sum() + 0.05 * excess.sum()

    reward = forward_reward + healthy_reward - control
    return reward, {"forward": forward_reward, "healthy": healthy_reward, "control": -control}
