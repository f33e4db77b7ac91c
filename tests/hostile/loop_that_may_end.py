# Stopped by unbounded-loop: a loop whose end depends on a value.
def compute_dense_reward(self):
    x = self.x
    while x > 0:  # error: [unbounded-loop]
        x = x - 0.001
    return x
