"""Measures environment steps per second of both trainings, in turns, on the same cores.

    peers/bin/python tests/peers/learning/speed.py target/debug/carrot --out SPEED.json [--tasks hopper] [--rounds 2]

Each turn is one short training of each side from start to end of learning, without loading and without evaluation: rollouts and
updates. Stable-Baselines3 runs in the faster of its two ways of stepping eight environments, one process or eight (it is tried),
with as many torch threads as are fastest of one and two; Carrot with two threads. The ratio is the median of the rounds' ratios.
"""

import argparse
import json
import pathlib
import statistics
import tempfile
import time

from carrot import SAME, train
from sb3 import learner, make_env
from tasks import TASKS, write_envs

SB3_STEPS, CARROT_STEPS = 4 * 2048, 40 * 2048


class Peer:
    """A Stable-Baselines3 training that goes on for a few rollouts at a time."""

    def __init__(self, task, processes, threads):
        self.threads = threads
        self.model = learner(make_env(task, processes), 0)
        self.speed()

    def speed(self, steps=2 * 2048):
        import torch

        torch.set_num_threads(self.threads)
        began = time.monotonic()
        self.model.learn(steps, reset_num_timesteps=False)
        return steps / (time.monotonic() - began)


def carrot_speed(carrot, folder, task):
    """Steps/s of learning: what two trainings of different lengths take more, so that loading and evaluation cancel."""
    seconds = {}
    for steps in (CARROT_STEPS // 4, CARROT_STEPS):
        answer = train(carrot, folder, task, 0, steps, 2, episodes=1)
        seconds[answer["steps"]] = answer["seconds"]
    (few, short), (many, long) = sorted(seconds.items())
    return (many - few) / (long - short)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("carrot")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    found = json.loads(options.out.read_text()) if options.out.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        write_envs(folder, SAME)
        for name in options.tasks:
            task = TASKS[name]
            peers = {(processes, threads): Peer(task, processes, threads) for processes in (False, True) for threads in (1, 2)}
            best = max(peers, key=lambda which: peers[which].speed())
            for which, peer in peers.items():
                if which != best:
                    peer.model.get_env().close()
            rounds = []
            for _ in range(options.rounds):
                theirs = peers[best].speed(SB3_STEPS)
                ours = carrot_speed(options.carrot, folder, task)
                rounds.append((theirs, ours))
            peers[best].model.get_env().close()
            theirs, ours = (statistics.median(values) for values in zip(*rounds))
            found[name] = {
                "sb3": theirs,
                "carrot": ours,
                "ratio": statistics.median(ours / theirs for theirs, ours in rounds),
                "sb3_processes": 8 if best[0] else 1,
                "sb3_threads": best[1],
            }
            options.out.write_text(json.dumps(found, indent=1))
            print(f"{name}: {theirs:.0f} steps/s ({found[name]['sb3_processes']} processes, {best[1]} threads) against "
                  f"{ours:.0f}: {found[name]['ratio']:.1f} times", flush=True)


if __name__ == "__main__":
    main()
