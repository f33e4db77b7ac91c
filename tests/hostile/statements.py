# Stopped by unsupported: statements that have no place in a reward.
def compute_dense_reward(self):
    try:  # error: [unsupported]
        x = self.x
    except Exception:
        x = 0.0
    with self.x as y:  # error: [unsupported]
        pass
    class Reward:  # error: [unsupported]
        pass
    return self.x
