# Teaches: `assert`. A program that says what it takes for granted stops with that sentence instead of rewarding nonsense.
import numpy as np


def compute_dense_reward(self, action):
    axis = self.peg_head_position - self.peg_tail_position
    length = np.linalg.norm(axis)
    assert len(self.control) == 6, "three linear and three angular velocities"
    assert self.peg_length > 0.0, "the peg has a length"
    assert np.all(np.isfinite(axis)), "the peg's ends are somewhere"

    # A peg that seems longer or shorter than it is has come loose in the simulation.
    stretch = abs(length - self.peg_length) / self.peg_length
    reach = np.exp(-10.0 * np.linalg.norm(self.peg_head_position - self.hole_position))
    return reach - 0.1 * np.tanh(stretch)
