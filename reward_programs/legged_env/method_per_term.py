# Teaches: the class style of legged-robot code: methods named `_reward_…` that share helpers through `self`.
# The terms add up to the total.
import torch


class LeggedRobot:
    stand_still_below = 0.1

    def _is_commanded(self):
        return torch.norm(self.env.commands[:, :2], dim=1) > self.stand_still_below

    def _reward_tracking(self):
        error = torch.abs(self.env.commands[:, 0] - self.env.base_lin_vel[:, 0])
        return 1.0 - torch.clamp(error, max=1.0)

    def _reward_stand_still(self):
        # Without a command nothing shall move.
        motion = torch.sum(torch.abs(self.env.base_ang_vel), dim=1)
        return -0.1 * motion * (~self._is_commanded()).float()

    def compute_reward(self):
        tracking = self._reward_tracking()
        stand_still = self._reward_stand_still()
        return tracking + stand_still, {"tracking": tracking, "stand_still": stand_still}
