"""Records what PyTorch and NumPy give for the programs in `programs/`.

`carrot eval` must give the same numbers; the test `crates/cli/tests/oracle.rs` compares them and needs neither library.
Record again after changing a program or a schema, with Python 3.11 or newer:

    python3 -m venv target/oracle
    target/oracle/bin/pip install numpy==2.4.6 scipy torch==2.15.0
    target/oracle/bin/python tests/oracle/record.py

For each program this writes `recorded/<dialect>/<program>.in.npz` (every variable of `<dialect>.toml` that it may read,
for N = 64 environments) and `….expected.npz` (`total` and `term.<name>`, each `[N]`; some programs return only a total).

Inputs are uniform over each variable's `range`; the first environments are edge cases: zero (or the nearest to it in the
range), the lower end, the upper end, exact small integers, and a hundred times the upper end. Quaternions are unit
quaternions. An input at which a program is ill-conditioned says nothing about a compiler: such an environment is drawn
again. A program is taken to be so where one of its values changes by more than the tolerance below when it is computed
with more digits, or by more than twice that when its inputs move by one rounding error (those of edge cases stay). What is
left to the compiler of the bars in the test (2e-6 and 1e-12) is its own rounding.
"""

import pathlib
import re
import tomllib
import types

import numpy as np
import torch

from simulator import quat_conjugate, quat_mul, quat_rotate_inverse

HERE = pathlib.Path(__file__).parent
N = 64
SEED = 20
EDGE_CASES = 5
TOLERANCE = {"torch": 5e-7, "numpy": 1e-13}
ROUNDING = {"torch": 2.0**-24, "numpy": 2.0**-53}


# Inputs ---------------------------------------------------------------------------------------------------------------


def read_schema(dialect):
    text = (HERE / f"{dialect}.toml").read_text()
    return tomllib.loads(text)["variable"]


def draw(name, variable, rng, rows):
    """Values of one variable, `[rows, *shape]` (`[*shape]` if uniform), of the type its dtype has in a program."""
    shape = tuple(variable.get("shape", ()))
    if not variable.get("uniform", False):
        shape = (rows, *shape)
    dtype = variable.get("dtype", "float")
    if dtype == "bool":
        return rng.random(shape) < 0.5
    low, high = variable.get("range", (-1.0, 1.0))
    if dtype == "i64":
        return rng.integers(low, high, size=shape, endpoint=True)
    values = rng.uniform(low, high, size=shape)
    return unit_quaternions(values) if name.endswith("_rot") else values


def unit_quaternions(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def put_edge_cases(name, variable, values):
    """Writes the edge cases into the first environments."""
    if variable.get("uniform", False):
        return
    if variable.get("dtype") == "bool":
        values[:EDGE_CASES] = np.array([False, True, False, True, True]).reshape(-1, *[1] * (values.ndim - 1))
    elif name.endswith("_rot"):
        values[:EDGE_CASES] = [[0, 0, 0, 1], [0, 0, 0, -1], [1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [0, 1, 0, 0]]
    else:
        low, high = variable.get("range", (-1.0, 1.0))
        integers = np.arange(values[0].size).reshape(values[0].shape) % 3 - 1
        for row, value in enumerate([np.clip(0, low, high), low, high, np.clip(integers, low, high), 100 * high]):
            values[row] = value


# Programs -------------------------------------------------------------------------------------------------------------


def names_of(value):
    return value if isinstance(value, tuple) else (value, {})


class Torch:
    """Runs a program once for the whole batch, in f32 or f64."""

    def __init__(self, path):
        torch.jit.script = lambda function: function  # the values are those of eager mode
        names = {"quat_mul": quat_mul, "quat_conjugate": quat_conjugate, "quat_rotate_inverse": quat_rotate_inverse}
        names |= {"torch": torch, "Tensor": torch.Tensor}
        exec(compile(path.read_text(), path, "exec"), names)
        self.function = names["compute_reward"]
        self.parameters = parameters_of(self.function)

    def run(self, schema, inputs, precise):
        dtype = torch.float64 if precise else torch.float32
        torch.set_default_dtype(dtype)
        arguments = {}
        for name in self.parameters:
            if name not in schema:
                continue  # has a default
            value = inputs[name]
            if schema[name].get("uniform", False) and value.ndim == 0:
                arguments[name] = float(value)
            else:
                tensor = torch.from_numpy(value.astype(np.float64) if value.dtype == np.longdouble else value.copy())
                arguments[name] = tensor.to(dtype) if tensor.is_floating_point() else tensor
        total, terms = names_of(self.function(**arguments))
        outputs = {"total": total} | {f"term.{name}": term for name, term in terms.items()}
        return {name: torch.as_tensor(value).expand(N).to(dtype).numpy() for name, value in outputs.items()}


class Numpy:
    """Runs a program once per environment; `self` is a tree of attributes."""

    def __init__(self, path):
        names = {}
        exec(compile(path.read_text(), path, "exec"), names)
        self.function = names.get("compute_dense_reward") or names["compute_reward"]
        self.parameters = parameters_of(self.function)

    def run(self, schema, inputs, precise):
        rows = []
        for env_index in range(N):
            own = {name: self.value(variable, inputs[name], env_index, precise) for name, variable in schema.items()}
            arguments = {name: own[name] for name in self.parameters if name in own}
            if "self" in self.parameters:
                arguments["self"] = attributes(own)
            total, terms = names_of(self.function(**arguments))
            rows.append({"total": total} | {f"term.{name}": term for name, term in terms.items()})
        dtype = np.longdouble if precise else np.float64
        return {name: np.array([row[name] for row in rows], dtype=dtype) for name in rows[0]}

    @staticmethod
    def value(variable, values, env_index, precise):
        value = values if variable.get("uniform", False) else values[env_index]
        if precise and value.dtype == np.float64:
            value = value.astype(np.longdouble)
        if value.ndim == 0:
            return value[()] if precise and value.dtype == np.longdouble else value.item()
        return value.copy()


def parameters_of(function):
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def attributes(values):
    """`{"robot.qpos": x}` as an object with `.robot.qpos`."""
    root = types.SimpleNamespace()
    for name, value in values.items():
        *path, last = name.split(".")
        node = root
        for part in path:
            node.__dict__.setdefault(part, types.SimpleNamespace())
            node = getattr(node, part)
        setattr(node, last, value)
    return root


# Recording ------------------------------------------------------------------------------------------------------------


def ill_conditioned(program, schema, inputs, edges, rng, dialect):
    """For each environment: does the last digit of the inputs, or of the arithmetic, show in some output?

    The numbers of edge cases are exact, so theirs are not moved.
    """
    usual = program.run(schema, inputs, precise=False)
    precise = program.run(schema, inputs, precise=True)
    moved = program.run(schema, move(inputs, rng, dialect), precise=True)
    bad = np.zeros(N, dtype=bool)
    for name, exact in precise.items():
        assert np.isfinite(usual[name]).all(), f"{name} is not finite"
        bar = TOLERANCE[dialect] * np.abs(exact)
        bad |= np.abs(usual[name] - exact) > bar
        bad |= (np.abs(moved[name] - exact) > 2 * bar) & ~edges
    return bad


def move(inputs, rng, dialect):
    """Every number a rounding error up or down; zero stays zero."""
    moved = {}
    for name, values in inputs.items():
        is_number = values.dtype == np.float64
        signs = rng.integers(0, 1, size=values.shape, endpoint=True) * 2 - 1
        moved[name] = values * (1 + np.longdouble(ROUNDING[dialect]) * signs) if is_number else values
    return moved


def record(dialect, load):
    schema = read_schema(dialect)
    folder = HERE / "recorded" / dialect
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.npz"):
        old.unlink()
    for path in sorted((HERE / "programs" / dialect).glob("*.py")):
        words = set(re.findall(r"\w+", path.read_text()))
        read = {name: variable for name, variable in schema.items() if words.issuperset(name.split("."))}
        rng = np.random.default_rng([SEED, *path.stem.encode()])
        program = load(path)
        inputs, draws, edges = well_conditioned_inputs(program, read, rng, dialect)
        outputs = program.run(read, inputs, precise=False)
        np.savez(folder / f"{path.stem}.in.npz", **{name: as_stored(value, dialect) for name, value in inputs.items()})
        np.savez(folder / f"{path.stem}.expected.npz", **outputs)
        spread = ", ".join(f"{key} {values.min():.3g} to {values.max():.3g}" for key, values in outputs.items())
        print(f"{dialect}/{path.stem} ({draws} draws, {edges} edge cases): {spread}")


def well_conditioned_inputs(program, schema, rng, dialect):
    inputs = {name: draw(name, variable, rng, N) for name, variable in schema.items()}
    for name, variable in schema.items():
        put_edge_cases(name, variable, inputs[name])
    edges = np.arange(N) < EDGE_CASES
    for draws in range(1, 200):
        if dialect == "torch":
            round_to_f32(inputs)
        bad = ill_conditioned(program, schema, inputs, edges, rng, dialect)
        if not bad.any():
            return inputs, draws, int(edges.sum())
        edges &= ~bad
        for name, variable in schema.items():
            if not variable.get("uniform", False):
                inputs[name][bad] = draw(name, variable, rng, int(bad.sum()))
    raise SystemExit("no well-conditioned inputs found")


def round_to_f32(inputs):
    """Torch programs read f32, so the inputs are f32 to begin with."""
    for values in inputs.values():
        if values.dtype == np.float64:
            values[...] = values.astype(np.float32)


def as_stored(values, dialect):
    return values.astype(np.float32) if dialect == "torch" and values.dtype == np.float64 else values


if __name__ == "__main__":
    record("torch", Torch)
    record("numpy", Numpy)
