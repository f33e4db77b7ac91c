import math


def compute_reward(obs, action, training_progress=0.0):
    """Swing up the hill. obs: position, velocity. Plain Python, without NumPy."""
    position = obs[0]
    velocity = obs[1]

    # The hill is a sine, so the height is known from the position
    height = math.sin(3 * position) * 0.45 + 0.55
    kinetic = 0.5 * velocity ** 2
    energy = height + kinetic

    force = sum(a ** 2 for a in action[:2])
    reached = position >= 0.45
    bonus = 10.0 if reached else 0.0

    total = energy - 0.1 * force + bonus
    return total, {"energy": energy, "force": -0.1 * force, "bonus": bonus}
