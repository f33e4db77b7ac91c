# Stopped by unsupported: a whole number with ten billion digits.
def compute_dense_reward(self):
    return self.x * 10**10**10  # error: [unsupported]
