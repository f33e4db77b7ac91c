import numpy as np


def compute_dense_reward(self, action) -> float:
    # In the frame of the hole the peg should lie on the x axis
    head = self.peg.head_pos
    off_axis = np.sqrt(head[1] ** 2 + head[2] ** 2)
    clearance = 0.003 + 2 * self.peg.radius

    align_reward = 1.0 / (1.0 + (off_axis / clearance) ** 2)

    # Depth counts from the mouth of the hole (-5 cm), and only when the peg would fit
    fits = off_axis < 2 * clearance
    depth = np.clip(head[0] + 0.05, 0.0, 0.1)
    insert_reward = 20.0 * depth if fits else 0.0

    # Logarithm of the miss: every halving is worth the same
    fine_reward = -0.1 * np.log(off_axis + 1e-3)

    return align_reward + insert_reward + fine_reward
