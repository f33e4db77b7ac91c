"""Compares `carrot rollout --model` with the Python package `mujoco`, bit for bit.

    python3 -m venv peers && peers/bin/pip install mujoco==3.17.0 gymnasium dm_control
    cargo build --workspace --bins
    peers/bin/python tests/peers/rollout_equals_mujoco.py target/debug/carrot [--steps 10000] [NAME ...]

The models are Gymnasium's and dm_control's own, as installed; nothing of them is kept. Every model is played with the same
controls by a bare `mj_step` loop and by Carrot. Compared are qpos, qvel and time at every step, and at every 100th step what
Carrot shows of bodies, sites and sensors with what `mujoco` computes for the same moment: places, velocities and their
sensors of the state after the step, forces and their sensors of the step itself.

Where MuJoCo itself diverges, it would start again from its first state; here its own reset is switched off in the reference
too, and the rollouts must agree up to the step where Carrot reports the fault.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import mujoco
import numpy as np


def gymnasium_model(name):
    import gymnasium

    return pathlib.Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / f"{name}.xml"


def suite_text(domain, make, folder):
    """Text and assets of a suite model, written to a folder."""
    import importlib

    module = importlib.import_module(f"dm_control.suite.{domain}")
    xml, assets = make(module)
    place = folder / domain
    for name, contents in assets.items():
        # The suite keeps the dog's bones without the folder in which its model looks for them.
        target = place / (name if "/" in name else f"{domain}_assets/{name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    path = place / "model.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(xml if isinstance(xml, bytes) else xml.encode())
    return path


def models(folder):
    found = {}
    for name in ["ant", "humanoid", "half_cheetah", "hopper", "walker2d", "swimmer", "reacher",
                 "humanoidstandup", "inverted_pendulum", "inverted_double_pendulum", "pusher", "walker2d_v5"]:
        found[name] = lambda name=name: gymnasium_model(name)
    found["quadruped"] = lambda: suite_text("quadruped", lambda m: (m.make_model(floor_size=10), m.common.ASSETS), folder)
    found["quadruped_escape"] = lambda: suite_text(
        "quadruped", lambda m: (m.make_model(floor_size=40, terrain=True, rangefinders=True), m.common.ASSETS), folder
    )
    found["dog"] = lambda: suite_text("dog", lambda m: m.get_model_and_assets(10, remove_ball=True), folder)
    found["dog_fetch"] = lambda: suite_text("dog", lambda m: m.get_model_and_assets(10, remove_ball=False), folder)
    for domain in ["acrobot", "ball_in_cup", "cartpole", "cheetah", "finger", "fish", "humanoid", "humanoid_CMU", "hopper",
                   "lqr", "manipulator", "pendulum", "point_mass", "reacher", "stacker", "swimmer", "walker"]:
        def plain(domain=domain):
            import dm_control.suite

            return pathlib.Path(dm_control.suite.__file__).parent / f"{domain}.xml"

        found[f"suite_{domain}"] = plain
    return found


def controls(model, steps, seed):
    """Smooth and noisy controls over each actuator's range, now and then beyond it."""
    random = np.random.default_rng(seed)
    low, high = np.where(model.actuator_ctrllimited.astype(bool)[:, None], model.actuator_ctrlrange, [-1.0, 1.0]).T
    phase = random.uniform(0, 2 * np.pi, model.nu)
    speed = random.uniform(0.002, 0.05, model.nu)
    wave = np.sin(phase + speed * np.arange(steps)[:, None]) + 0.3 * random.standard_normal((steps, model.nu))
    return low + (wave + 1) / 2 * (high - low)


def reference(model, ctrl):
    """States and sensors of a bare mj_step loop."""
    data, ahead = mujoco.MjData(model), mujoco.MjData(model)
    steps = len(ctrl)
    qpos, qvel = np.empty((steps + 1, model.nq)), np.empty((steps + 1, model.nv))
    time = np.empty(steps + 1)
    shown = {}
    qpos[0], qvel[0], time[0] = data.qpos, data.qvel, data.time
    whole = mujoco.mjtState.mjSTATE_INTEGRATION
    state = np.empty(mujoco.mj_stateSize(model, whole))
    late = np.asarray(model.sensor_needstage) == mujoco.mjtStage.mjSTAGE_ACC
    rows = np.repeat(late, model.sensor_dim)
    for step in range(steps):
        data.ctrl[:] = ctrl[step]
        mujoco.mj_step(model, data)
        qpos[step + 1], qvel[step + 1], time[step + 1] = data.qpos, data.qvel, data.time
        if (step + 1) % 100 == 0:
            mujoco.mj_getState(model, data, state, whole)
            mujoco.mj_setState(model, ahead, state, whole)
            mujoco.mj_step1(model, ahead)
            sensors = np.where(rows, data.sensordata, ahead.sensordata)
            shown[step + 1] = (ahead.xpos.copy(), ahead.xquat.copy(), ahead.site_xpos.copy(), sensors, data.actuator_force.copy())
    return qpos, qvel, time, shown


def differing(name, left, right, steps):
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    if left.shape != right.shape:
        return f"{name}: shape {left.shape} against {right.shape}"
    unequal = (left.view(np.uint64) != right.view(np.uint64)).reshape(len(left), -1)
    if not unequal.any():
        return None
    row = int(np.argmax(unequal.any(axis=1)))
    column = int(np.argmax(unequal[row]))
    return f"{name}[{steps[row]}, {column}]: {left.reshape(len(left), -1)[row, column]!r} against {right.reshape(len(left), -1)[row, column]!r}"


def compare(carrot, path, steps, folder):
    model = mujoco.MjModel.from_xml_path(str(path))
    ctrl = controls(model, steps, seed=0)
    given, written = folder / "controls.npz", folder / "states.npz"
    np.savez(given, ctrl=ctrl)
    command = [carrot, "--json", "rollout", "--model", str(path), "--actions", str(given), "--out", str(written)]
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode not in (0, 1):
        return f"carrot: {said.stdout}{said.stderr}", None
    answer = json.loads(said.stdout)
    ours = np.load(written)
    rows = answer["rows"]
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    qpos, qvel, time, shown = reference(model, ctrl[: rows - 1])
    for name, theirs in [("qpos", qpos), ("qvel", qvel), ("time", time)]:
        found = differing(name, ours[name], theirs, range(rows))
        if found:
            return found, answer
    names = compared_names(model, ours)
    moments = sorted(shown)
    for name, pick in names:
        theirs = np.array([pick(shown[moment]) for moment in moments])
        if moments and (found := differing(name, ours[name][moments], theirs, moments)):
            return found, answer
    return None, answer


def compared_names(model, ours):
    """Variables of Carrot that can be told by their name in the model, with their place in the reference."""
    pairs = []

    def offer(name, pick):
        if name in ours:
            pairs.append((name, pick))

    for body in range(1, model.nbody):
        name = model.body(body).name
        offer(f"{name}_position", lambda shown, body=body: shown[0][body])
        offer(f"{name}_quaternion", lambda shown, body=body: shown[1][body])
    for site in range(model.nsite):
        offer(f"{model.site(site).name}_site_position", lambda shown, site=site: shown[2][site])
    for sensor in range(model.nsensor):
        start, size = model.sensor_adr[sensor], model.sensor_dim[sensor]
        single = size == 1

        def pick(shown, start=start, size=size, single=single):
            return shown[3][start] if single else shown[3][start : start + size]

        offer(f"{model.sensor(sensor).name}_sensor", pick)
    if model.nu:
        offer("actuator_force", lambda shown: shown[4])
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("carrot")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        known = models(folder)
        for name in options.names or known:
            path = known[name]()
            found, answer = compare(options.carrot, path, options.steps, folder)
            failed += found is not None
            rows = answer["rows"] - 1 if answer else 0
            fault = f", then: {answer['fault']}" if answer and answer["faulted"] else ""
            variables = len(answer["variables"]) if answer else 0
            print(f"{name:26} {'DIFFERS ' + found if found else f'equal over {rows} steps'}{fault} ({variables} variables)", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
