# Teaches: a comprehension with `min`. Of all fingers the best partner for the thumb counts, whichever it is.
import numpy as np


def compute_dense_reward(self, action):
    thumb = self.fingertip_pos[0]
    gaps = [np.linalg.norm(thumb - tip) for tip in self.fingertip_pos[1:]]
    smallest = min(gaps)
    thumb_to_object = np.linalg.norm(thumb - self.object_pos)

    # A pinch is 2 cm wide: as wide as what is held.
    width_error = abs(smallest - 0.02)
    return np.exp(-30.0 * width_error) + np.exp(-20.0 * thumb_to_object)
