import numpy as np


def compute_dense_reward(self, action: np.ndarray) -> float:
    """As in Meta-World: stages multiply, and success overrides everything."""
    tcp = self.robot.ee_pose.p
    lever = self.cubeA.pose.p

    # Errors along each axis are not equally bad
    scale = np.array([4.0, 1.0, 4.0])
    shoulder_to_lever = (lever - tcp) * scale
    ready = 1.0 / (1.0 + np.linalg.norm(shoulder_to_lever))

    # Angle of the lever from an arcsine, kept away from its ends
    lift = np.clip((lever[2] - self.init_pos[2]) / 1.2, -0.9, 0.9)
    lever_angle = np.arcsin(lift)
    lever_error = abs(lever_angle - np.pi / 6)

    # The product of what must hold together, a Hamacher product
    pull = 1.0 - np.minimum(lever_error, 1.0)
    product = (ready * pull) / (ready + pull - ready * pull + 0.1)

    reward = 10.0 * product
    if lever_error <= np.pi / 24:
        reward = 10.0
    elif self.robot.gripper_openness > 0.5 or lift < -0.5:
        reward *= 0.5
    return reward
