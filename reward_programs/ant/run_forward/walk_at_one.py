# Teaches: a cap. Speed pays up to 1 m/s and not beyond, so the ant walks and spends the rest of its effort on calm.
# The terms add up to the total.
import numpy as np


def compute_reward(forward_velocity, torso_angular_velocity, joint_velocities, wanted_speed=1.0):
    # `wanted_speed` is no variable of the task, so it keeps its default.
    walk = min(forward_velocity, wanted_speed)
    calm = -0.02 * np.linalg.norm(torso_angular_velocity)
    easy = -0.001 * np.sum(np.abs(joint_velocities))
    return walk + calm + easy, {"walk": walk, "calm": calm, "easy": easy}
