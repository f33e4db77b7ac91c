# Teaches: a grasp pose without quaternions. Opposite fingers see the cube in opposite directions, so their dot product is -1.
import numpy as np


def unit(vector):
    return vector / (np.linalg.norm(vector) + 1e-6)


def compute_reward(left_finger_position, right_finger_position, cube_position, gripper_opening):
    left = unit(left_finger_position - cube_position)
    right = unit(right_finger_position - cube_position)
    opposition = 0.5 * (1.0 - np.dot(left, right))  # 0: same side, 1: opposite sides

    middle = 0.5 * (left_finger_position + right_finger_position)
    centred = np.exp(-20.0 * np.linalg.norm(middle - cube_position))

    # Closing pays only between the fingers: the product needs all three.
    closed = 1.0 - gripper_opening / 0.08
    total = centred * (1.0 + opposition + opposition * closed)
    return total, {"centred": centred, "opposition": opposition, "closed": closed}
