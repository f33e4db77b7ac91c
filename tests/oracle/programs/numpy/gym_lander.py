import numpy as np


def compute_reward(obs, action, crashed, training_progress=0.0):
    """Land softly. obs: x, y, vx, vy, angle, angular velocity, contact of the left and of the right leg."""
    x, y = obs[0], obs[1]
    speed = np.sqrt(obs[2] ** 2 + obs[3] ** 2)

    distance_reward = -float(np.sqrt(x * x + y * y))
    speed_reward = -0.5 * float(speed)
    angle_reward = -abs(obs[4])

    # Legs on the ground, counted
    legs = int(obs[6] > 0.5) + int(obs[7] > 0.5)
    leg_reward = 0.5 * legs

    # Slow near the ground, whatever the rest says
    braking = 0.0
    if y < 0.5 and obs[3] < 0.0:
        braking = max(-1.0, obs[3])

    crash_penalty = -2.0 if crashed else 0.0
    total = distance_reward + speed_reward + angle_reward + leg_reward + braking + crash_penalty
    components = {
        "distance": distance_reward,
        "speed": speed_reward,
        "angle": angle_reward,
        "legs": leg_reward,
        "braking": braking,
        "crash": crash_penalty,
    }
    return total, components
