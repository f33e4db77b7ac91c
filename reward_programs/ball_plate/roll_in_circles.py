# Teaches: polar coordinates. The ball shall circle at 10 cm: a radius, and an angular velocity about the middle.
# The terms add up to the total.
import numpy as np


def compute_reward(ball_position, ball_velocity):
    x, y = ball_position
    vx, vy = ball_velocity
    radius = np.hypot(x, y)

    # Angular momentum per mass is x vy - y vx; over the square of the radius it is the angular velocity.
    turning = (x * vy - y * vx) / (radius**2 + 1e-4)
    ring = np.exp(-(((radius - 0.1) / 0.03) ** 2))
    circle = 0.5 * np.tanh(turning / 2.0)
    return ring + circle, {"ring": ring, "circle": circle}
