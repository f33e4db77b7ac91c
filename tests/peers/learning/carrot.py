"""Trains Carrot's PPO on the same tasks; one file of results per task and seed, beside those of `sb3.py`.

    peers/bin/python tests/peers/learning/carrot.py RESULTS target/debug/carrot [--tasks hopper ant] [--seeds 0 1] [--threads 2]

The settings are those of `sb3.py`, key by key; `--label NAME` names the files `NAME-TASK-SEED.json`. To compare other settings:

    … carrot.py RESULTS target/debug/carrot --label defaults --settings own [--set KEY=VALUE ...]
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from sb3 import ENVIRONMENTS, EPISODES, SETTINGS
from tasks import TASKS, write_envs

#: `sb3.py`'s settings in Carrot's words, with what Stable-Baselines3 has as its defaults.
SAME = {
    "n_envs": ENVIRONMENTS,
    "rollout": SETTINGS["n_steps"],
    "epochs": SETTINGS["n_epochs"],
    "minibatches": ENVIRONMENTS * SETTINGS["n_steps"] // SETTINGS["batch_size"],
    "learning_rate": SETTINGS["learning_rate"],
    "schedule": '"constant"',
    "discount": SETTINGS["gamma"],
    "gae_lambda": SETTINGS["gae_lambda"],
    "clip": SETTINGS["clip_range"],
    "value_weight": 1.0,  # of ½(V − R)², Stable-Baselines3's 0.5 of (V − R)²
    "max_gradient_norm": 0.5,
    "initial_log_std": 0.0,
    "hidden": [64, 64],
}


def train(carrot, folder, task, seed, steps, threads, episodes=EPISODES):
    """Learns and plays; the answer of `carrot train --json`."""
    program = folder / f"gym_{task.name}/tasks/run/reward.py"
    command = [carrot, "--json", "train", "--envs", folder, "--task", task.carrot, "--reward", program, "--seed", seed,
               "--steps", steps, "--episodes", episodes, "--threads", threads, "--out", folder / f"{task.name}-{seed}.safetensors"]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"{task.name} seed {seed}: {said.stdout}{said.stderr}")
    return json.loads(said.stdout)


def result(task, seed, answer):
    """The same keys as `sb3.py` writes; the curve has the mean return of the episodes since the point before."""
    return {
        "task": task.name,
        "seed": seed,
        "steps": answer["steps"],
        "mean_return": answer["fitness"],
        "deviation": answer["fitness_sd"],
        "mean_length": answer["episode_length"],
        "steps_per_second": answer["steps"] / answer["seconds"],
        "curve": [[point["steps"], point["fitness"]] for point in answer["checkpoints"] if point["fitness"] is not None],
        "checkpoints": answer["checkpoints"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("carrot")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--label", default="carrot")
    parser.add_argument("--settings", choices=["same", "own"], default="same", help="sb3.py's, or Carrot's defaults")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    settings = (SAME if options.settings == "same" else {}) | dict(pair.split("=", 1) for pair in options.set)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        write_envs(folder, settings)
        for seed in options.seeds:
            for name in options.tasks:
                file = options.results / f"{options.label}-{name}-{seed}.json"
                if file.exists():
                    continue
                began = time.monotonic()
                answer = train(options.carrot, folder, TASKS[name], seed, options.steps, options.threads)
                whole = file.with_suffix(".part")
                whole.write_text(json.dumps(result(TASKS[name], seed, answer)))
                whole.rename(file)
                print(f"{options.label} {name} seed {seed}: {answer['fitness']:.0f}, while learning "
                      f"{answer['checkpoints'][-1]['fitness'] or 0:.0f} ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
