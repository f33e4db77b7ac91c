# Stopped by recursion: two functions that call each other.
def ping(x):
    return pong(x)

def pong(x):
    return ping(x)  # error: [recursion]

def compute_dense_reward(self):
    return ping(self.x)
