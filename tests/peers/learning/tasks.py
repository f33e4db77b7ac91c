"""Gymnasium's tasks of the comparison, and the same tasks as Carrot's files.

The models are copied from the installed Gymnasium into a folder of the caller's; nothing of them is kept here. What observation,
reward, end and start of each task are, Gymnasium's documentation says; `same_task.py` checks that both sides agree.
"""

import dataclasses
import pathlib
import shutil


@dataclasses.dataclass(frozen=True)
class Task:
    name: str
    #: Gymnasium's name and options.
    gymnasium: str
    options: dict
    model: str
    #: Physics steps per control step.
    substeps: int
    #: Numbers at the front of qpos that are not observed.
    hidden: int
    #: Limit of the observed velocities.
    velocity_limit: float | None
    reset: str
    control_cost: float
    #: When the robot is well, in Carrot's reward language; nothing ends the episode without it.
    healthy: str | None

    @property
    def carrot(self):
        return f"gym_{self.name}/run"


PLANAR_RESET = "qpos_noise = 0.005\nqvel_noise = 0.005"
WIDE_RESET = "qpos_noise = 0.1\nqvel_noise = { normal = 0.1 }"

TASKS = {
    task.name: task
    for task in [
        Task("hopper", "Hopper-v5", {}, "hopper.xml", 4, 1, 10.0, PLANAR_RESET, 1e-3,
             "self.positions[0] > 0.7 and abs(self.positions[1]) < 0.2 and np.max(np.abs(self.positions[1:])) < 100.0"
             " and np.max(np.abs(self.all_velocities)) < 100.0"),
        Task("half_cheetah", "HalfCheetah-v5", {}, "half_cheetah.xml", 5, 1, None, WIDE_RESET, 0.1, None),
        Task("walker", "Walker2d-v5", {}, "walker2d_v5.xml", 4, 1, 10.0, PLANAR_RESET, 1e-3,
             "0.8 < self.positions[0] < 2.0 and abs(self.positions[1]) < 1.0"),
        # Without external contact forces: 27 numbers are observed, and touching the floor costs nothing.
        Task("ant", "Ant-v5", {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0.0},
             "ant.xml", 5, 2, None, WIDE_RESET, 0.5, "0.2 <= self.positions[0] <= 1.0"),
    ]
}


def write_envs(folder, ppo=None):
    """Writes every task below `folder` as Carrot's files, with the optimiser's settings `ppo` (a dict) in each."""
    for task in TASKS.values():
        write_env(pathlib.Path(folder), task, ppo or {})


def write_env(folder, task, ppo):
    import gymnasium
    import mujoco

    source = pathlib.Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / task.model
    place = folder / f"gym_{task.name}"
    (place / "tasks" / "run").mkdir(parents=True, exist_ok=True)
    shutil.copy(source, place / "model.xml")
    model = mujoco.MjModel.from_xml_path(str(source))
    joints = ", ".join(f'"{model.joint(index).name}"' for index in range(model.njnt))
    observed = f'"{"velocities" if task.velocity_limit else "all_velocities"}"'
    clipped = f"""
[variable.velocities]
shape = [{model.nv}]
source = {{ expression = "torch.clamp(all_velocities, -{task.velocity_limit}, {task.velocity_limit})" }}
""" if task.velocity_limit else ""
    (place / "env.toml").write_text(f"""
[control]
substeps = {task.substeps}

[reset]
{task.reset}

[variable.positions]
shape = [{model.nq - task.hidden}]
source = {{ joint_position = [{joints}] }}
components = {list(range(task.hidden, model.nq))}

[variable.all_velocities]
shape = [{model.nv}]
source = {{ joint_velocity = [{joints}] }}
{clipped}
[variable.x]
source = {{ joint_position = ["{model.joint(0).name}"] }}
{"component = 0" if task.name == "ant" else ""}

[variable.x_before]
source = {{ previous = "x" }}

[variable.control]
shape = [{model.nu}]
source = "control"

[variable.control_dt]
uniform = true
source = "control_dt"
""")
    healthy = task.healthy
    formula = f"""\
    velocity = (self.x - self.x_before) / self.control_dt
    reward = velocity - {task.control_cost} * np.sum(np.square(self.control))
    {f"reward += 1.0 if {healthy} else 0.0" if healthy else ""}
    return reward
"""
    run = place / "tasks" / "run"
    (run / "reward.py").write_text(f"import numpy as np\n\ndef compute_dense_reward(self):\n{formula}")
    (run / "task.py").write_text(f"""\
import numpy as np


def fitness(self):
{formula}

def success(self):
    return self.x > 5.0


def terminated(self):
    return {f"not ({healthy})" if healthy else "self.x < -1e6"}
""")
    settings = "\n".join(f"{key} = {value}" for key, value in ppo.items())
    (run / "task.toml").write_text(f"""
version = 1
instruction = "{task.gymnasium} of Gymnasium: move along +x."
horizon = 1000
observation = ["positions", {observed}]

[fitness]
aggregate = "sum"

[success]
aggregate = "last"

[ppo]
{settings}
""")
