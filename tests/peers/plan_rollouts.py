"""Compares the rollouts of `carrot bench plan` with those of the Python package `mujoco` and, where it is installed, of judo.

    python3 -m venv peers && peers/bin/pip install mujoco==3.17.0 gymnasium
    python3 -m venv judo && judo/bin/pip install judo-rai       # if wanted; it brings an older MuJoCo of its own
    cargo build --workspace --bins
    peers/bin/python tests/peers/plan_rollouts.py target/debug/carrot [NAME ...] [--judo judo/bin/python] [--rollouts 64] [--seconds 1]
        [--threads 2] [--repeats 5]

Names: `ant` is this repository's envs/ant (with its task and human reward), `gymnasium_ant` is Gymnasium's ant.xml as installed
(with a reward of the same size, given below). All sides play random controls that hold for a fifth of the time, from a robot that
has stood for half a second, on the same number of threads; Carrot adds the reward up, the others give back states. The sides take
turns, and a ratio is formed of neighbours.

- `mujoco.rollout`: one `Rollout` with as many MjData as threads, kept between calls; the initial state's warm start is given.
- judo: the rollout backend that its controllers call, as they make it: one thread for each rollout. It runs in an interpreter of its
  own, since it needs another MuJoCo; the model file is the same.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import mujoco
import mujoco.rollout
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
KNOTS = 5
CALLS = 12

REWARD = """\
def compute_reward(torso_linear_velocity: Tensor, torso_height: Tensor, control: Tensor):
    forward = torso_linear_velocity[:, 0]
    alive = 0.5 * torch.ones_like(forward)
    upright = -torch.square(torso_height - 0.6)
    effort = -0.05 * torch.sum(torch.square(control), dim=-1)
    total = forward + alive + upright + effort
    return total, {"forward": forward, "alive": alive, "upright": upright, "effort": effort}
"""


def gymnasium_ant():
    import gymnasium

    return pathlib.Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "ant.xml"


def carrot(options, arguments):
    command = [options.carrot, "--json", "bench", "plan", "--rollouts", str(options.rollouts)]
    command += ["--seconds", str(options.seconds), "--threads", str(options.threads), *arguments]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    return json.loads(told)["tasks"][0]


class Peer:
    """Random controls for a model, and who plays them."""

    def __init__(self, path, options):
        self.model = mujoco.MjModel.from_xml_path(str(path))
        self.options = options
        steps = round(options.seconds / self.model.opt.timestep)
        random = np.random.default_rng(1)
        knots = random.uniform(-1, 1, (options.rollouts, KNOTS, self.model.nu))
        low, high = self.model.actuator_ctrlrange.T
        knots = low + (knots + 1) / 2 * (high - low)
        self.control = np.ascontiguousarray(knots[:, np.arange(steps) * KNOTS // steps])
        data = mujoco.MjData(self.model)
        for _ in range(round(0.5 / self.model.opt.timestep)):
            mujoco.mj_step(self.model, data)
        self.qpos, self.qvel = data.qpos.copy(), data.qvel.copy()
        self.warmstart = data.qacc_warmstart.copy()
        state = np.zeros(mujoco.mj_stateSize(self.model, mujoco.mjtState.mjSTATE_FULLPHYSICS))
        mujoco.mj_getState(self.model, data, state, mujoco.mjtState.mjSTATE_FULLPHYSICS)
        self.state = state
        self.pool = mujoco.rollout.Rollout(nthread=options.threads)
        self.data = [mujoco.MjData(self.model) for _ in range(options.threads)]

    def rate(self, play):
        """Rollouts/s, the median of some calls."""
        play()
        rates = []
        for _ in range(CALLS):
            start = time.perf_counter()
            play()
            rates.append(self.options.rollouts / (time.perf_counter() - start))
        return statistics.median(rates)

    def mujoco_rollout(self):
        count = self.options.rollouts
        self.pool.rollout(
            [self.model] * count, self.data, np.tile(self.state, (count, 1)), self.control,
            initial_warmstart=np.tile(self.warmstart, (count, 1)),
        )

    def judo(self):
        from judo.utils.mj_rollout_backend import MJRolloutBackend

        backend = MJRolloutBackend(model=self.model, num_threads=self.options.rollouts)
        x0 = np.concatenate([self.qpos, self.qvel])
        return lambda: backend.rollout(x0, self.control)


def judo_rate(path, options):
    """judo's rollouts/s, in its own interpreter."""
    command = [options.judo, __file__, "--only-judo", str(path), "--rollouts", str(options.rollouts)]
    command += ["--seconds", str(options.seconds), "--threads", str(options.threads), "-"]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("carrot", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--judo", metavar="PYTHON", help="interpreter that has judo")
    parser.add_argument("--only-judo", metavar="MODEL", help=argparse.SUPPRESS)
    parser.add_argument("--rollouts", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if options.only_judo:
        peer = Peer(options.only_judo, options)
        print(peer.rate(peer.judo()))
        return
    with tempfile.TemporaryDirectory() as folder:
        reward = pathlib.Path(folder) / "reward.py"
        reward.write_text(REWARD)
        sides = {
            "ant": lambda: (ROOT / "envs/ant/model.xml", ["--task", "ant/run_forward"]),
            "gymnasium_ant": lambda: (gymnasium_ant(), ["--model", str(gymnasium_ant()), "--reward", str(reward)]),
        }
        for name in options.names or sides:
            compare(name, *sides[name](), options)


def compare(name, path, arguments, options):
    peer = Peer(path, options)
    ratios = {"rollout": [], "judo": [], "plan": []}
    for _ in range(options.repeats):
        ours = carrot(options, arguments)
        rate = ours["rated"]["median"]
        theirs = peer.rate(peer.mujoco_rollout)
        ratios["rollout"].append(rate / theirs)
        ratios["plan"].append(ours["whole_plan"]["median"] / theirs)
        told = f"{name}: carrot {rate:.1f} rollouts/s with its reward, mujoco.rollout {theirs:.1f}"
        if options.judo:
            slow = judo_rate(path, options)
            ratios["judo"].append(rate / slow)
            told += f", judo {slow:.1f}"
        print(told, flush=True)
    for other, values in ratios.items():
        if values:
            what = {"rollout": "carrot to mujoco.rollout", "judo": "carrot to judo", "plan": "whole plans to mujoco.rollout"}[other]
            print(f"{name}: {what}: {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})")


if __name__ == "__main__":
    main()
