import numpy as np


def compute_reward(obs, action, elapsed_steps, training_progress=0.0):
    """Reach with a two-link arm. obs: two cosines, two sines, target, two velocities, fingertip minus target."""
    vector = obs[8:11]
    distance = float(np.linalg.norm(vector))

    # Both a slope that never ends and a peak at the target
    near_reward = -distance
    precise_reward = float(np.exp(-10.0 * distance ** 2))

    speed = float(np.abs(obs[6:8]).mean())
    # Speed is welcome far away and not near
    speed_reward = 0.1 * speed if distance > 0.5 else -0.3 * speed

    # Time presses more and more
    time_penalty = -0.01 * (elapsed_steps // 10)

    ctrl = -0.1 * float(np.dot(action, action))
    reward = near_reward + precise_reward + speed_reward + time_penalty + ctrl
    return reward, {
        "near": near_reward,
        "precise": precise_reward,
        "speed": speed_reward,
        "time": time_penalty,
        "ctrl": ctrl,
    }
