# Stopped by recursion: a function that calls itself.
def f(x):
    return f(x + 1.0)  # error: [recursion]

def compute_dense_reward(self):
    return f(self.x)
