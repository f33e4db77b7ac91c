# Teaches: a reward in two halves of one motion: up while it rises, level and soft while it falls, joined by a condition.
import numpy as np


def compute_dense_reward(self, action):
    level = np.cos(self.torso_pitch)
    if self.vertical_velocity > 0.0:
        # Rising: what counts is how high the push-off will carry it, v^2 / 2g.
        apex = self.torso_height + self.vertical_velocity**2 / (2 * 9.81)
        reward = apex + 0.2 * level
    else:
        # Falling: feet first, and not on stiff legs.
        impact = max(0.0, float(np.max(self.foot_contact_force)) - 300.0)
        reward = self.torso_height + 0.6 * level - 0.002 * impact
    return float(reward)
