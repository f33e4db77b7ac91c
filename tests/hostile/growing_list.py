# Stopped by program-too-large: a list that doubles in each round.
def compute_dense_reward(self):
    items = [self.x]
    for i in range(60):
        items = items + items  # error: [program-too-large]
    return items[0]
