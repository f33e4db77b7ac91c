# Teaches: early return. Outside the middle of the rail only the way back counts; inside it the pole does.
# Trained with `--steps 150k`, seed 0: balances to the end of every episode.
def compute_dense_reward(self, action):
    upright = 1.0 - (self.pole_angle / 0.2) ** 2
    if abs(self.cart_position) > 1.0:
        return 0.5 * upright - (abs(self.cart_position) - 1.0)
    return upright - 0.1 * self.cart_position**2
