# Stopped by unbounded-loop: more rounds than anybody waits for.
def compute_dense_reward(self):
    total = 0.0
    for i in range(10**12):  # error: [unbounded-loop]
        total += self.x
    return total
