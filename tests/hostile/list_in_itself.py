# Stopped by return-shape: a list that contains itself is walked at most once.
def compute_dense_reward(self):
    items = [self.x]
    items.append(items)
    return items  # error: [return-shape]
