# Stopped by unsupported: a whole number with a million digits.
def compute_dense_reward(self):
    return self.x * (1 << 4000000)  # error: [unsupported]
