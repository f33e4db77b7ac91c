# Teaches: progress instead of distance. Metres gained since the last step add up to the way, however long the flight takes.
# The terms add up to the total.
import numpy as np


def compute_dense_reward(self, action):
    distance = np.linalg.norm(self.goal_position - self.position)
    progress = 0.0
    if hasattr(self, "previous_distance"):
        progress = self.previous_distance - distance
    self.previous_distance = distance

    # A new gate makes the distance jump; no drone flies half a metre in a hundredth of a second.
    gained = progress if abs(progress) < 0.5 else 0.0
    spin = 0.01 * np.linalg.norm(self.angular_velocity)
    return 10.0 * gained - spin
