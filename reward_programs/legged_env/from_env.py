# Teaches: reading everything through one `env` object, configuration included, with a small function per term.
# The terms add up to the total.
import torch


def tracking(env):
    error = torch.sum(torch.square(env.commands[:, :2] - env.base_lin_vel[:, :2]), dim=1)
    return torch.exp(-error / env.cfg.rewards.tracking_sigma)


def orientation(env):
    return torch.sum(torch.square(env.projected_gravity[:, :2]), dim=1)


def torques(env):
    return torch.sum(torch.square(env.torques), dim=1)


def compute_reward(env):
    terms = {
        "tracking": 1.0 * tracking(env),
        "orientation": -0.5 * orientation(env),
        "torques": -0.0001 * torques(env),
    }
    return sum(terms.values()), terms
