# Stopped by nesting-too-deep: a list that contains itself, copied on its way out of a branch.
def compute_dense_reward(self):
    items = [self.x]
    items.append(items)
    if self.x > 0:
        return items  # error: [nesting-too-deep]
    return self.x
