# Stopped by unsupported: expressions inside of a text.
def compute_dense_reward(self):
    name = f"{self.x}"  # error: [unsupported]
    return self.x
