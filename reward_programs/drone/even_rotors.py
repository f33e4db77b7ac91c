# Teaches: residuals. Every wish is a vector that shall be zero; the reward is minus the weighted sum of their squared lengths.
import numpy as np


def compute_reward(position, goal_position, velocity, angular_velocity, rotor_thrust):
    residuals = [
        (4.0, position - goal_position),
        (0.5, velocity),
        (0.1, angular_velocity),
        (1.0, rotor_thrust - rotor_thrust.mean()),
    ]
    cost = 0.0
    for weight, residual in residuals:
        cost += weight * np.square(residual).sum()
    # The square root keeps far-away states from drowning everything else.
    return -np.sqrt(cost)
