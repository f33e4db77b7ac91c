import numpy as np


def compute_reward(obs, action, crashed, training_progress=0.0):
    """Walk on two legs. obs: hull angle, angular velocity, vx, vy, then four joint angles and four joint speeds."""
    hull_angle, hull_speed, vx = obs[0], obs[1], obs[2]
    hips = [obs[4], obs[6]]
    knees = [obs[5], obs[7]]

    forward = 2.0 * float(np.tanh(vx))
    posture = -0.5 * abs(hull_angle) - 0.1 * abs(hull_speed)

    # Legs that alternate have hips on either side of the middle
    alternating = 0.2 if hips[0] * hips[1] < 0 else 0.0
    # Neither knee locked: the straighter one counts
    bend = min([abs(knee) for knee in knees])
    bent = 0.3 * min(bend, 0.5)

    torque = -0.02 * sum(abs(a) for a in action)

    if crashed:
        return -5.0, {"forward": 0.0, "posture": 0.0, "gait": 0.0, "torque": 0.0}
    gait = alternating + bent
    total = forward + posture + gait + torque
    return float(total), {"forward": forward, "posture": posture, "gait": gait, "torque": torque}
