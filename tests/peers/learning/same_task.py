"""Checks that Carrot's files describe Gymnasium's tasks: both play the same actions from the same states.

    peers/bin/python tests/peers/learning/same_task.py target/debug/carrot [--steps 3000] [TASK ...]

`carrot rollout` plays random actions, episode after episode, and `carrot eval` gives the rewards. Gymnasium is put into the state
in which each of Carrot's episodes began and plays the same actions. Observations, rewards, and the steps at which the task or the
clock ended an episode must be equal; so must the spread of Carrot's starts and Gymnasium's.

Two things differ on purpose and are taken into account. Gymnasium's Ant measures its velocity from places that are one physics
step old (`xpos` after `mj_step`), Carrot from the present ones. And Gymnasium's Ant begins with a quaternion that is not
normalised; Carrot's is.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import gymnasium
import numpy as np

from tasks import TASKS, write_envs

TOLERANCE = 1e-5


def run(carrot, *arguments):
    said = subprocess.run([carrot, "--json", *map(str, arguments)], capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"carrot {' '.join(map(str, arguments))}: {said.stdout}{said.stderr}")
    return json.loads(said.stdout)


def carrot_side(carrot, folder, task, actions):
    """Everything of a rollout, and the reward of each row."""
    given, states, rewards = (folder / name for name in ("actions.npz", "states.npz", "rewards.npz"))
    np.savez(given, actions=actions)
    run(carrot, "rollout", "--envs", folder, "--task", task.carrot, "--actions", given, "--out", states, "--seed", 1)
    program = folder / f"gym_{task.name}/tasks/run/reward.py"
    run(carrot, "eval", "--envs", folder, program, "--task", task.carrot, "--inputs", states, "--output", rewards)
    return np.load(states), np.load(rewards)["total"]


def compare(carrot, folder, task, steps):
    """Largest differences of observation and reward, and how many episodes there were."""
    env = gymnasium.make(task.gymnasium, **task.options)
    bare = env.unwrapped
    random = np.random.default_rng(0)
    actions = random.uniform(-1, 1, (steps, env.action_space.shape[0])).astype(np.float32)
    # Now and then an episode in which nothing is done, so that the clock ends some as well.
    actions[steps // 2 :] *= 0.0
    ours, rewards = carrot_side(carrot, folder, task, actions)
    observed = np.concatenate([ours["positions"], ours["velocities" if task.velocity_limit else "all_velocities"]], axis=1)
    starts = {int(row): index for index, row in enumerate(ours["start_row"])}
    largest = {"observation": 0.0, "reward": 0.0}

    def stale():
        """How far ahead the torso is of the place that Gymnasium's Ant measures from."""
        return bare.data.qpos[0] - bare.data.body(1).xpos[0] if task.name == "ant" else 0.0

    def differ(what, row, left, right):
        difference = float(np.max(np.abs(np.asarray(left) - right) / (1 + np.abs(right))))
        largest[what] = max(largest[what], difference)
        if difference > TOLERANCE:
            sys.exit(f"{task.name}: {what} of row {row}: {left} against Gymnasium's {right}")

    ended = True
    for row in range(1, steps + 1):
        if ended:
            # An episode's first row is only seen as the start, not as a row, when another ended there.
            index = starts[row - 1]
            env.reset(seed=row)
            bare.set_state(ours["start_qpos"][index], ours["start_qvel"][index])
            if index == 0:
                differ("observation", 0, observed[0], bare._get_obs())
        before = stale()
        observation, reward, terminated, truncated, _ = env.step(actions[row - 1])
        differ("observation", row, observed[row], observation)
        differ("reward", row, rewards[row], reward + (stale() - before) / bare.dt)
        if (terminated, truncated and not terminated) != (ours["terminated"][row], ours["truncated"][row]):
            sys.exit(f"{task.name}: row {row}: {ours['terminated'][row]}, {ours['truncated'][row]} against "
                     f"Gymnasium's {terminated}, {truncated}")
        ended = terminated or truncated
    return largest, len(starts)


def starts(carrot, folder, task):
    """Standard deviation of the starts' positions and velocities, as shares of Gymnasium's."""
    env = gymnasium.make(task.gymnasium, **task.options)
    count = 300
    # Episodes of one step: a task of its own beside the real one.
    text = (folder / f"gym_{task.name}/tasks/run/task.toml").read_text()
    short = folder / f"gym_{task.name}/tasks/short"
    short.mkdir(exist_ok=True)
    (short / "task.toml").write_text(text.replace("horizon = 1000", "horizon = 1"))
    (short / "task.py").write_text((folder / f"gym_{task.name}/tasks/run/task.py").read_text())
    states = folder / "starts.npz"
    run(carrot, "rollout", "--envs", folder, "--task", f"gym_{task.name}/short", "--steps", count, "--out", states)
    ours = np.load(states)
    theirs = []
    for seed in range(count):
        env.reset(seed=seed)
        qpos, qvel = env.unwrapped.data.qpos.copy(), env.unwrapped.data.qvel.copy()
        if task.name == "ant":
            qpos[3:7] /= np.linalg.norm(qpos[3:7])
        theirs.append((qpos, qvel))
    ratios = []
    for which, name in enumerate(["start_qpos", "start_qvel"]):
        left, right = ours[name], np.array([state[which] for state in theirs])
        # Fourth moments tell uniform from normal noise: 1.8 against 3.
        kurtosis = [float(np.mean(((x - x.mean(0)) / x.std(0)) ** 4)) for x in (left, right)]
        ratios.append((float(left.std(0).mean() / right.std(0).mean()), *kurtosis))
        if abs(ratios[-1][0] - 1) > 0.1 or abs(kurtosis[0] - kurtosis[1]) > 0.4:
            sys.exit(f"{task.name}: {name} is spread differently: deviation x{ratios[-1][0]:.3f}, "
                     f"fourth moments {kurtosis[0]:.2f} and {kurtosis[1]:.2f}")
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("carrot")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("tasks", nargs="*")
    options = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        write_envs(folder)
        for name in options.tasks or TASKS:
            task = TASKS[name]
            largest, episodes = compare(options.carrot, folder, task, options.steps)
            (qpos, qvel) = starts(options.carrot, folder, task)
            print(f"{name:13} the same over {options.steps} steps and {episodes} episodes: observations to "
                  f"{largest['observation']:.0e}, rewards to {largest['reward']:.0e}; starts' deviations x{qpos[0]:.2f}, "
                  f"x{qvel[0]:.2f}", flush=True)


if __name__ == "__main__":
    main()
