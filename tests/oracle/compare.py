"""Compares one reward program, compiled by `carrot`, with the same text run by PyTorch or NumPy.

    python tests/oracle/compare.py reward.py --schema variables.toml [--carrot target/debug/carrot] [-n 1000] [--seed 0]

Draws inputs from the schema, runs the text in real Python on stand-ins for the simulator (`surface.py`, `pose.py`,
`simulator.py`), runs `carrot eval`, and prints for each output the worst difference against its bar. Exit status: 0 if all
are within, 1 if not, 2 if the program does not compile. Set up Python as `record.py` says.

The bar is relative, 1e-5 for torch programs (f32) and 1e-12 for numpy programs (f64). Where a program amplifies the last
digit of its inputs, the bar is 8 times what moving every input by one rounding error moves the oracle itself (the largest
of several draws). A result that is nearer to the one computed with more digits (f64, long double) than PyTorch's or
NumPy's own is right in any case: `1 - np.tanh(x)` keeps few digits of a `tanh` that is itself rounded. Environments at which the oracle raises or is not finite are taken out and counted; `carrot` must stop at
the first of them.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from program import Program  # noqa: E402

RELATIVE = {True: 1e-5, False: 1e-12}
MOVES = 8
AMPLIFICATION = 8.0


# Inputs -------------------------------------------------------------------------------------------------------------------


def draw_inputs(schema, rows, seed, is_torch):
    """Values for every variable. In half of the environments points lie close together and numbers take few values, so
    that thresholds are met from both sides."""
    rng = np.random.default_rng(seed)
    inputs = {}
    near = rng.random(rows) < 0.5
    centre = rng.uniform(-0.3, 0.3, size=(rows, 3))
    spread = 10.0 ** rng.uniform(-3, 0, size=(rows, 1))
    turn = unit(rng.normal(size=(rows, 4)))
    for name, variable in schema.items():
        dtype = variable.get("dtype", "float")
        if dtype == "str":
            continue
        is_uniform = variable.get("uniform", False)
        shape = tuple(variable.get("shape", ())) + ((7,) if dtype == "pose" else ())
        full = shape if is_uniform else (rows, *shape)
        low, high = variable.get("range", (0, 3) if dtype == "i64" else (-1.0, 1.0))
        if dtype == "bool":
            inputs[name] = np.asarray(rng.random(full) < 0.5)
            continue
        if dtype == "i64":
            inputs[name] = np.asarray(rng.integers(int(low), int(high), size=full, endpoint=True))
            continue
        values = np.asarray(rng.uniform(low, high, size=full))
        if not is_uniform:
            noise = rng.normal(size=full)
            wide = spread.reshape(-1, *[1] * len(shape))
            if dtype == "pose":
                values[near] = with_pose(centre, turn, spread, noise)[near]
            elif shape and shape[-1] == 3 and (low, high) == (-1.0, 1.0):
                values[near] = (centre.reshape(-1, *[1] * (len(shape) - 1), 3) + wide * noise)[near]
            elif is_quaternion(name, shape):
                values[near] = (turn.reshape(-1, *[1] * (len(shape) - 1), 4) + wide * noise)[near]
            elif not shape:
                few = rng.choice([low, high, np.clip(0.0, low, high)], size=rows)
                values = np.where(near & (rng.random(rows) < 0.3), few, values)
        if dtype == "pose":
            values[..., 3:] = unit(values[..., 3:])
        elif is_quaternion(name, shape):
            values = unit(values)
        if is_torch and dtype != "f64":
            values = values.astype(np.float32).astype(np.float64)
        inputs[name] = values
    return inputs


def is_quaternion(name, shape):
    words = ("rot", "quat", "orientation")
    return bool(shape) and shape[-1] == 4 and (any(word in name.lower() for word in words) or name.endswith(".q"))


def with_pose(centre, turn, spread, noise):
    between = [1] * (noise.ndim - 2)
    positions = centre.reshape(-1, *between, 3) + spread.reshape(-1, *between, 1) * noise[..., :3]
    turns = turn.reshape(-1, *between, 4) + spread.reshape(-1, *between, 1) * noise[..., 3:]
    return np.concatenate([positions, turns], axis=-1)


def unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def moved(schema, inputs, rng, is_torch):
    """Every number a rounding error up or down; zero stays zero."""
    result = {}
    for name, values in inputs.items():
        if values.dtype != np.float64:
            result[name] = values
            continue
        kind = np.float32 if is_torch and schema[name].get("dtype") != "f64" else np.float64
        exact = values.astype(kind)
        towards = np.where(rng.random(values.shape) < 0.5, kind(-np.inf), kind(np.inf))
        result[name] = np.asarray(np.where(exact == 0, exact, np.nextafter(exact, towards)), np.float64)
    return result


def take(schema, inputs, rows):
    uniform = {name for name, variable in schema.items() if variable.get("uniform", False)}
    taken = {name: values if name in uniform else values[rows] for name, values in inputs.items()}
    return taken | {"num_envs": np.asarray(len(rows))} if "num_envs" in taken else taken


# Carrot -------------------------------------------------------------------------------------------------------------------


def evaluate(carrot, program, schema, inputs, folder):
    """`carrot eval --json` on one batch: the outputs, or the JSON object that says why not."""
    np.savez(folder / "in.npz", **inputs)
    out = folder / "out.npz"
    out.unlink(missing_ok=True)
    command = [carrot, "eval", program, "--schema", schema, "--inputs", folder / "in.npz", "--output", out, "--json"]
    run = subprocess.run(command, capture_output=True, text=True)
    try:
        answer = json.loads(run.stdout)
    except json.JSONDecodeError:
        answer = {"message": (run.stderr or run.stdout)[-2000:]}
    if run.returncode == 0 and out.exists():
        with np.load(out) as arrays:
            return {name: arrays[name] for name in arrays}, answer
    answer["status"] = run.returncode
    return None, answer


# Comparison -----------------------------------------------------------------------------------------------------------------


def finite_rows(outputs, raised):
    keep = np.array([error is None for error in raised])
    for values in outputs.values():
        keep &= np.isfinite(values)
    return keep


def compare(program_path, schema_path, carrot, rows=1000, seed=0, extra=None, adjust=None, text=None):
    """A report: `status` is one of `match`, `differs`, `rejected`, `stopped`; more in the other entries.

    `extra` are further names for the program's module; `adjust(inputs)` may tie inputs to each other; `text`
    is what Python runs where the file itself is no Python.
    """
    text = text or pathlib.Path(program_path).read_text()
    variables = tomllib.loads(pathlib.Path(schema_path).read_text())["variable"]
    program = Program(text, str(program_path), extra)
    inputs = draw_inputs(variables, rows, seed, program.is_torch)
    if "num_envs" in inputs:
        inputs["num_envs"] = np.asarray(rows)
    if adjust is not None:
        adjust(inputs)
    with np.errstate(all="ignore"):
        outputs, raised = program.run(variables, inputs, rows)
    keep = np.ones(rows, dtype=bool)
    report = {"rows": rows, "dropped": 0, "errors": {}}
    dropped_inputs = None
    for _ in range(4):
        good = finite_rows(outputs, raised)
        if good.all():
            break
        for error in raised:
            if error is not None:
                kind = f"{type(error).__name__}: {error}"[:120]
                report["errors"][kind] = report["errors"].get(kind, 0) + 1
        if dropped_inputs is None:
            dropped_inputs = take(variables, inputs, np.flatnonzero(~good)[:1])
        inputs = take(variables, inputs, np.flatnonzero(good))
        rows = int(good.sum())
        if rows == 0:
            return report | {"status": "no finite row"}
        with np.errstate(all="ignore"):
            outputs, raised = program.run(variables, inputs, rows)
    report["dropped"] = report["rows"] - rows
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        given, answer = evaluate(carrot, program_path, schema_path, inputs, folder)
        if given is None:
            is_rejected = any(item.get("severity") == "error" for item in answer.get("diagnostics", []))
            return report | {"status": "rejected" if is_rejected else "stopped", "answer": answer}
        if dropped_inputs is not None and not program.is_torch:
            stopped, _ = evaluate(carrot, program_path, schema_path, dropped_inputs, folder)
            report["stops_where_oracle_does"] = stopped is None
    report["branches"] = len(np.unique(np.round(outputs["total"], 6))) if "total" in outputs else 0
    moves = {name: np.zeros(rows) for name in outputs}
    rng = np.random.default_rng(seed + 1)
    for _ in range(MOVES):
        with np.errstate(all="ignore"):
            near, _ = program.run(variables, moved(variables, inputs, rng, program.is_torch), rows)
        for name in outputs:
            difference = np.abs(near.get(name, outputs[name]) - outputs[name])
            moves[name] = np.fmax(moves[name], np.where(np.isnan(difference), np.inf, difference))
    exact = with_more_digits(program, variables, inputs, rows)
    checks = {}
    relative = RELATIVE[program.is_torch]
    for name, expected in outputs.items():
        if name not in given:
            continue
        difference = np.abs(given[name].astype(np.float64).reshape(-1) - expected)
        # Below the smallest normal number there are too few digits for a relative bar.
        smallest = np.finfo(np.float32 if program.is_torch else np.float64).tiny
        bar = np.fmax(relative * np.fmax(np.abs(expected), smallest), AMPLIFICATION * moves[name])
        nearer = np.zeros(rows, dtype=bool)
        if name in exact:
            own_error = np.abs(expected - exact[name])
            nearer = (difference > bar) & (np.abs(given[name].astype(np.float64).reshape(-1) - exact[name]) <= own_error)
            bar = np.where(nearer, np.inf, bar)
        worst = int(np.argmax(np.where(difference <= bar, 0.0, difference)))
        size = np.maximum(np.abs(expected), np.finfo(np.float64).tiny)
        checks[name] = {
            "worst_relative": float(np.max(np.where(difference == 0, 0, difference / size))),
            "beyond": int(np.sum(~(difference <= bar))),
            "amplified": int(np.sum((difference > relative * np.abs(expected)) & (difference <= bar))),
            "example": {"row": worst, "carrot": float(given[name].reshape(-1)[worst]), "oracle": float(expected[worst])},
        }
    report["checks"] = checks
    report["missing"] = sorted(set(outputs) - set(given))
    failed = not checks or any(check["beyond"] for check in checks.values())
    failed |= report.get("stops_where_oracle_does") is False
    return report | {"status": "differs" if failed else "match"}


def with_more_digits(program, variables, inputs, rows):
    """The oracle's outputs in the next wider type; none where some library has no such type."""
    try:
        with np.errstate(all="ignore"):
            outputs, raised = program.run(variables, inputs, rows, precise=True)
    except (RuntimeError, TypeError):
        return {}
    return outputs if all(error is None for error in raised) else {}


def main():
    parser = argparse.ArgumentParser(description="Compares a compiled reward program with PyTorch or NumPy.")
    parser.add_argument("program")
    parser.add_argument("--schema", required=True, help="TOML file with [variable.*] tables")
    parser.add_argument("--carrot", default="target/debug/carrot")
    parser.add_argument("-n", type=int, default=1000, help="environments")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report = compare(options.program, options.schema, options.carrot, options.n, options.seed)
    for name, check in report.get("checks", {}).items():
        verdict = f"{check['beyond']} beyond the bar, e.g. {check['example']}" if check["beyond"] else "within the bar"
        print(f"{name}: worst relative difference {check['worst_relative']:.2e}, {verdict}")
    for name in report.get("missing", []):
        print(f"{name}: no such output of the compiled program, not compared")
    print(f"{report['status']}: {report['rows']} environments, {report['dropped']} taken out {report['errors'] or ''}")
    if "answer" in report:
        print(json.dumps(report["answer"], indent=2))
    sys.exit({"match": 0, "rejected": 2}.get(report["status"], 1))


if __name__ == "__main__":
    main()
