# Teaches: potential-based shaping, with memory: what a state promises is paid on arrival and taken back on leaving.
# The terms add up to the total.
# Trained with `--steps 300k`, seed 0: 19.9 m in 8 s.


# So the best behaviour stays what it was, and only learning it becomes easier (Ng, Harada and Russell 1999).
def potential(height, pitch):
    """How promising a state is: high and upright."""
    return 2.0 * height - 4.0 * pitch**2


def compute_dense_reward(self, action):
    discount = 0.99
    promise = potential(self.torso_height, self.torso_pitch)
    if not hasattr(self, "previous_promise"):
        self.previous_promise = promise  # first step of an episode: nothing is remembered yet
    shaping = discount * promise - self.previous_promise
    self.previous_promise = promise

    reward = 1.0 * self.forward_velocity
    reward += 1.0 if self.torso_height > 0.75 else 0.0
    reward += shaping
    return reward
