# Stopped by unknown-name: a default value that runs when the text is read.
def compute_dense_reward(self, bonus=__import__("os").system("true")):  # error: [unknown-name]
    return self.x
