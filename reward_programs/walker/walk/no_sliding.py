# Teaches: a loop over both feet. A foot that carries weight shall stand still, so its speed costs as much as it carries.
# The terms add up to the total.
import numpy as np


def compute_reward(forward_velocity, foot_velocity, foot_contact_force):
    slide = 0.0
    for foot in range(2):
        carried = min(foot_contact_force[foot] / 300.0, 1.0)
        slide -= 0.2 * carried * abs(foot_velocity[foot])
    walk = 1.0 * np.clip(forward_velocity, -0.5, 1.2)
    return walk + slide, {"walk": walk, "slide": slide}
