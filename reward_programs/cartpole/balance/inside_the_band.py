# Teaches: a sparse reward, 1 inside a band and 0 outside. It says exactly what is wanted, and gives little to learn from.
# Trained with `--steps 150k`, seed 0: balances all the same, since a cartpole starts inside the band.
def compute_reward(pole_angle: Tensor, cart_position: Tensor):
    is_upright = torch.abs(pole_angle) < 0.05
    is_centred = torch.abs(cart_position) < 0.5
    balanced = (is_upright & is_centred).float()
    return balanced, {"balanced": balanced}
