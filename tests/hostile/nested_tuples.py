# Stopped by program-too-large: tuples inside each other, each twice in the next, chosen by a value.
def compute_dense_reward(self):
    items = (self.x,)
    for i in range(60):
        items = (items, items)
    if self.x > 0:  # error: [program-too-large]
        items = (items, items)
    else:
        items = (items, items)
    return self.x
