# Teaches: the least that can be said. The height of the tip is the whole reward, and everything else follows from it or does not.
# The terms add up to the total.
def compute_reward(tip_position: Tensor):
    height = tip_position[:, 2]
    return height, {"height": height}
