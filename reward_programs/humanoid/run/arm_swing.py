# Teaches: one arm swings with the other side's leg. The product of two angles is positive when they agree in sign.
# The terms add up to the total.
import numpy as np

# Places of the joints in the order of the motors.
LEFT_HIP, RIGHT_HIP = 5, 11
LEFT_SHOULDER, RIGHT_SHOULDER = 15, 18


def compute_reward(joint_positions, forward_velocity, torso_up, control):
    left_arm, right_arm = joint_positions[LEFT_SHOULDER], joint_positions[RIGHT_SHOULDER]
    # Only the difference counts: both legs forward is a crouch, and no stride.
    stride = joint_positions[LEFT_HIP] - joint_positions[RIGHT_HIP]
    swing = right_arm - left_arm

    run = 1.0 * forward_velocity
    opposed = 0.5 * np.tanh(4.0 * stride * swing)
    upright = 1.0 + 0.5 * torso_up[2]
    effort = -0.1 * np.sum(control**2)
    return run + opposed + upright + effort, {"run": run, "opposed": opposed, "upright": upright, "effort": effort}
