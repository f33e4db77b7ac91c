# Stopped by program-too-large: comprehensions inside each other.
def compute_dense_reward(self):
    return sum([self.x + i + j + k for i in range(1000) for j in range(1000) for k in range(1000)])  # error: [program-too-large]
