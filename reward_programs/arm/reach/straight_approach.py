# Teaches: linear algebra in a reward. A Jacobian turns joint velocities into the gripper's, which shall head for the goal.
# The terms add up to the total.
import numpy as np


def compute_reward(jacobian, joint_velocities, gripper_position, goal_position):
    velocity = jacobian @ joint_velocities
    direction = goal_position - gripper_position
    direction = direction / (np.linalg.norm(direction) + 1e-6)

    # Speed towards the goal counts, speed past it does not.
    along = velocity @ direction
    across = np.linalg.norm(np.cross(velocity, direction))
    approach = np.clip(along, -0.5, 0.5)
    straight = -0.5 * across
    return approach + straight, {"approach": approach, "straight": straight}
