# Stopped by recursion: a function that is its own argument.
def compute_dense_reward(self):
    forever = lambda f: f(f)  # error: [recursion]
    return forever(forever)
