# Teaches: a count in memory. The longer the pole has stood without a break, the more a step earns, up to a second.
def compute_reward(self, tip_position: Tensor, cart_position: Tensor, control_dt: float):
    if not hasattr(self, "standing_secs"):
        self.standing_secs = torch.zeros_like(cart_position)
    stands = tip_position[:, 2] > 0.9
    self.standing_secs = torch.where(stands, self.standing_secs + control_dt, torch.zeros_like(self.standing_secs))
    height = 0.5 * (1.0 + tip_position[:, 2])
    patience = torch.clamp(self.standing_secs, max=1.0)
    return height + patience - 0.1 * torch.square(cart_position), {"height": height, "patience": patience}
