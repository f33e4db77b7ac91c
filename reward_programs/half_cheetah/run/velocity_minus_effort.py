# Teaches: the smallest useful reward of locomotion, velocity minus effort, in the names of the plain NumPy style.
# The terms add up to the total.
import numpy as np


def compute_reward(forward_velocity, control, control_cost_weight=0.1):
    run = 1.0 * forward_velocity
    control_cost = control_cost_weight * np.square(control).sum()
    return run - control_cost, {"run": run, "control": -control_cost}
