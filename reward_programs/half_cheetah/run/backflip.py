# Teaches: a record that is kept in memory. Only turning farther back than ever before pays, so rocking to and fro does not.
import numpy as np


def compute_dense_reward(self, action):
    turned = -self.torso_pitch  # rad; a full backward turn is 2 pi
    record = getattr(self, "record", 0.0)
    new_ground = max(0.0, turned - record)
    self.record = max(record, turned)

    reward = 2.0 * min(new_ground, 0.5)
    # After the turn it shall land and stand.
    if record > 1.8 * np.pi:
        reward += 0.5 * np.cos(self.torso_pitch) - 0.02 * abs(self.pitch_velocity)
    return reward
