# Teaches: one reward for two partners. The force of the hands says whose turn it is; both are paid for what happens next.
import numpy as np


def compute_dense_reward(self, action):
    thrower_holds = self.left_contact_force > 0.1
    catcher_holds = self.right_contact_force > 0.1
    to_catcher = np.linalg.norm(self.ball_pos - self.right_hand_pos)

    if catcher_holds and not thrower_holds:
        # Caught: keep it, in a palm that faces up.
        return 4.0 + float(self.right_hand_up[2])
    if thrower_holds:
        # Not yet thrown: a throw is velocity towards the catcher.
        direction = (self.right_hand_pos - self.ball_pos) / (to_catcher + 1e-6)
        return float(np.clip(self.ball_vel @ direction, -1.0, 1.0))
    return 1.0 + 2.0 * np.exp(-3.0 * to_catcher)
