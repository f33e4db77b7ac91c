"""Trains Stable-Baselines3's PPO on Gymnasium's tasks; one file of results per task and seed.

    python3 -m venv peers && peers/bin/pip install torch "gymnasium[mujoco]" stable-baselines3 imageio
    peers/bin/python tests/peers/learning/sb3.py RESULTS [--tasks hopper ant] [--seeds 0 1 2 3 4] [--steps 200000]

`RESULTS/sb3-TASK-SEED.json` holds the mean return of 20 episodes played with the mean action, the returns of the training's
episodes, and environment steps per second. What is there already is not trained again, so an interrupted comparison goes on
where it was, and several processes share the work when each is given other seeds.

The settings are those with which Stable-Baselines3's PPO does well on MuJoCo's tasks: its defaults (two tanh layers of 64 units
each for actor and critic, orthogonal initialisation, 2048 steps a rollout, 10 epochs, minibatches of 64, learning rate 3e-4)
with running normalisation of observations and rewards. Eight environments of 256 steps each were as good as one of 2048 and are
faster.
"""

import argparse
import json
import pathlib
import time

from tasks import TASKS

SETTINGS = dict(n_steps=256, batch_size=64, n_epochs=10, learning_rate=3e-4, gamma=0.99, gae_lambda=0.95, clip_range=0.2)
ENVIRONMENTS = 8
EPISODES = 20


def make_env(task, processes=False):
    import gymnasium
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    def one():
        return Monitor(gymnasium.make(task.gymnasium, **task.options))

    return (SubprocVecEnv if processes else DummyVecEnv)([one] * ENVIRONMENTS)


def learner(env, seed, network=(64, 64)):
    """PPO behind VecNormalize, ready to learn."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecNormalize

    torch.set_num_threads(1)
    env = VecNormalize(env, gamma=SETTINGS["gamma"])
    return PPO("MlpPolicy", env, seed=seed, device="cpu", policy_kwargs={"net_arch": list(network)}, **SETTINGS)


def train(task, seed, steps):
    """Learns, then plays `EPISODES` episodes with the mean action and the statistics as they then are."""
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.evaluation import evaluate_policy

    class Curve(BaseCallback):
        """Return of every finished episode, with the steps taken by then."""

        def __init__(self):
            super().__init__()
            self.points = []

        def _on_step(self):
            for info in self.locals["infos"]:
                if "episode" in info:
                    self.points.append([self.num_timesteps, round(float(info["episode"]["r"]), 3)])
            return True

    model = learner(make_env(task), seed)
    curve = Curve()
    began = time.monotonic()
    model.learn(steps, callback=curve)
    seconds = time.monotonic() - began
    env = model.get_env()
    env.training, env.norm_reward = False, False
    env.seed(10_000 + seed)
    returns, lengths = evaluate_policy(model, env, EPISODES, deterministic=True, return_episode_rewards=True)
    return {
        "task": task.name,
        "seed": seed,
        "steps": model.num_timesteps,
        "mean_return": sum(returns) / len(returns),
        "returns": [float(value) for value in returns],
        "mean_length": sum(lengths) / len(lengths),
        "steps_per_second": model.num_timesteps / seconds,
        "curve": curve.points,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int, default=200_000)
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for name in options.tasks:
            file = options.results / f"sb3-{name}-{seed}.json"
            if file.exists():
                continue
            result = train(TASKS[name], seed, options.steps)
            whole = file.with_suffix(".part")
            whole.write_text(json.dumps(result))
            whole.rename(file)
            print(f"{name} seed {seed}: {result['mean_return']:.0f} after {result['steps']} steps, "
                  f"{result['steps_per_second']:.0f} steps/s", flush=True)


if __name__ == "__main__":
    main()
