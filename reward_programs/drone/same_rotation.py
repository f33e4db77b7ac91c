# Teaches: the angle between quaternions in the order w x y z: q and -q are the same rotation, hence the absolute value.
# The terms add up to the total.
import numpy as np


def compute_dense_reward(self, action):
    alignment = abs(np.dot(self.orientation, self.goal_orientation))
    # Rounding can lift the product of unit quaternions above 1, where arccos has no value.
    angle = 2.0 * np.arccos(np.clip(alignment, 0.0, 1.0))

    turn = 1.0 - angle / np.pi
    place = -0.5 * np.linalg.norm(self.position - self.goal_position)
    return turn + place
