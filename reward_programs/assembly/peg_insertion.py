# Teaches: a frame of its own. Seen from the hole, the peg's head has a depth and a sideways offset, and each has its stage.
import numpy as np


def compute_dense_reward(self, action):
    # `R.T @ v` expresses a vector of the world in the hole's frame; its first axis points into the hole.
    head = self.hole_rotation.T @ (self.peg_head_position - self.hole_position)
    tail = self.hole_rotation.T @ (self.peg_tail_position - self.hole_position)
    depth = head[0]
    head_offset = np.linalg.norm(head[1:])
    tail_offset = np.linalg.norm(tail[1:])

    reward = 1.0 - np.tanh(5.0 * np.linalg.norm(self.gripper_position - self.peg_tail_position))
    # Both ends on the hole's axis: head and peg are aligned. The worse end counts.
    reward += 1.0 - np.tanh(10.0 * max(head_offset, tail_offset))
    if head_offset < 0.01 and tail_offset < 0.01:
        reward += 3.0 * np.clip(depth / self.peg_length, 0.0, 1.0)
    return reward
