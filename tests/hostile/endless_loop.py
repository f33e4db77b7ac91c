# Stopped by unbounded-loop: a loop that never ends.
def compute_dense_reward(self):
    while True:  # error: [unbounded-loop]
        pass
    return self.x
