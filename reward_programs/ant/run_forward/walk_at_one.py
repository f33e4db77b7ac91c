# Teaches: a tent. The reward peaks at the wanted speed and falls on both sides; a mere cap would not keep the ant from running.
# The terms add up to the total.
# Trained with `--steps 400k`, seed 0: a walk at 0.98 m/s; in 16 episodes the distances differ by 1 %.
import numpy as np


def compute_reward(forward_velocity, torso_angular_velocity, joint_velocities, wanted_speed=1.0):
    # `wanted_speed` is no variable of the task, so it keeps its default.
    walk = 1.0 - abs(forward_velocity - wanted_speed) / wanted_speed
    calm = -0.02 * np.linalg.norm(torso_angular_velocity)
    easy = -0.001 * np.sum(np.abs(joint_velocities))
    return walk + calm + easy, {"walk": walk, "calm": calm, "easy": easy}
