# Stopped by type-mismatch: texts are not multiplied.
def compute_dense_reward(self):
    name = "a" * 10**9  # error: [type-mismatch]
    return self.x
