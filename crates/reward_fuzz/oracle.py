"""Runs random programs under CPython with PyTorch or NumPy, and compares with what Carrot's judges agreed on.

    cargo run -p carrot-reward-fuzz -- --count 20000 --dialect torch --write /tmp/torch.jsonl
    python3 crates/reward_fuzz/oracle.py /tmp/torch.jsonl

A value passes if it is within the bar (1e-5 relative in f32, 1e-12 in f64), or within 8 times what moving the inputs by one
rounding error, or computing with more digits, moves the library's own value: there the program is ill-conditioned, and its
last digits are nobody's. NaN and infinities must be kept. Programs that the library itself refuses are counted by message.
`--shrink target/debug/carrot-reward-fuzz` makes what is shown smaller first. With `--show N`, the first N differences are printed as programs; the exit code says whether there were any.
"""

import argparse
import collections
import json
import math
import signal
import types
import warnings

import numpy as np
import torch

import shrink

BAR = {"torch": 1e-5, "numpy": 1e-12}
ROUNDING = {"torch": 2.0**-24, "numpy": 2.0**-53}
# Names of the world that are f32 in NumPy programs too.
SINGLES = ["single", "pair", "float32"]
SECONDS = 20


# What the simulators' own modules offer to torch programs; quaternions are (x, y, z, w) ------------------------------------


def quat_mul(a, b):
    """Hamilton product: a b = (a_w b_v + b_w a_v + a_v x b_v, a_w b_w - a_v . b_v)."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + torch.linalg.cross(av, bv)
    return torch.cat([vector, aw * bw - (av * bv).sum(-1, keepdim=True)], dim=-1)


def quat_conjugate(a):
    return torch.cat([-a[..., :3], a[..., 3:]], dim=-1)


def quat_rotate_inverse(q, v):
    """v in the frame that q leads from: (2 w^2 - 1) v - 2 w (q_v x v) + 2 q_v (q_v . v)."""
    qv, qw = q[..., :3], q[..., 3:]
    along = (qv * v).sum(-1, keepdim=True)
    return v * (2.0 * qw**2 - 1.0) - 2.0 * qw * torch.linalg.cross(qv, v) + 2.0 * qv * along


# Running --------------------------------------------------------------------------------------------------------------


def outputs_of(returned):
    """Total and terms; where a program returns only a total, Carrot's terms are its own choice of summands."""
    total, terms = returned if isinstance(returned, tuple) else (returned, {})
    return [total, *terms.values()]


def run_torch(case, values, precise):
    """Outputs `[1 + K][N]` as f64."""
    wide = torch.float64 if precise else torch.float32
    torch.set_default_dtype(wide)
    torch.jit.script = lambda function: function  # the values are those of eager mode
    names = {"quat_mul": quat_mul, "quat_conjugate": quat_conjugate, "quat_rotate_inverse": quat_rotate_inverse}
    names |= {"torch": torch, "math": math}
    source = case["source"]
    if precise:
        source = source.replace("torch.float32", "torch.float64").replace(".float()", ".double()")
    exec(case["code"] if not precise else compile(source, "program", "exec"), names)
    arguments = {}
    for variable in case["variables"]:
        name = variable["name"]
        if "." in name:
            continue
        array = values[name]
        if variable["uniform"] and not variable["shape"]:
            number = {"bool": bool, "i64": int}.get(variable["dtype"], float)
            arguments[name] = number(array)
            continue
        dtype = {"bool": torch.bool, "i64": torch.int64, "f64": torch.float64}.get(variable["dtype"], wide)
        arguments[name] = torch.from_numpy(np.array(array, dtype=np.float64)).to(dtype)
    n = case["n_envs"]
    rows = outputs_of(names["compute_reward"](**arguments))
    return [torch.as_tensor(row).expand(n).to(torch.float64).numpy() for row in rows]


def run_numpy(case, values, precise):
    names = {"np": np, "math": math}
    exec(case["code"], names)
    columns = []
    for env in range(case["n_envs"]):
        root = types.SimpleNamespace()
        for _ in range(case["steps"]):
            set_variables(root, case, values, env, precise)
            rows = outputs_of(names["compute_dense_reward"](root))
        columns.append([float(row) for row in rows])
    return list(np.array(columns, dtype=np.float64).T)


def set_variables(root, case, values, env, precise):
    for variable in case["variables"]:
        array = values[variable["name"]]
        value = array if variable["uniform"] else array[env]
        dtype = {"bool": np.bool_, "i64": np.int64, "f32": np.float32}.get(variable["dtype"], np.float64)
        if precise and dtype is np.float64:
            dtype = np.longdouble
        value = np.array(value, dtype=dtype)
        *path, last = variable["name"].split(".")
        node = root
        for part in path:
            node.__dict__.setdefault(part, types.SimpleNamespace())
            node = getattr(node, part)
        setattr(node, last, value[()] if value.ndim == 0 else value)


# Comparing ------------------------------------------------------------------------------------------------------------


def read(variable, n_envs):
    rows = () if variable["uniform"] else (n_envs,)
    shape = tuple(variable["shape"])
    column = np.array(variable["values"], dtype=np.float64)
    if variable["uniform"]:
        return column.reshape(shape)
    return np.ascontiguousarray(np.moveaxis(column.reshape((-1, n_envs)), 1, 0)).reshape(rows + shape)


def moved(case, values, rng):
    """Every float a rounding error up or down."""
    result = {}
    for variable in case["variables"]:
        array = values[variable["name"]]
        if variable["dtype"] in ("bool", "i64"):
            result[variable["name"]] = array
        else:
            signs = rng.integers(0, 2, size=array.shape) * 2 - 1
            rounding = 2.0**-24 if variable["dtype"] == "f32" else ROUNDING[case["dialect"]]
            result[variable["name"]] = array * (1 + 2 * rounding * signs)
    return result


def same(found, expected, bar, slack):
    with np.errstate(all="ignore"):
        both_nan = np.isnan(found) & np.isnan(expected)
        close = np.abs(found - expected) <= np.maximum(bar * np.abs(expected), slack)
        return both_nan | (found == expected) | close


def judge(case, rng):
    """None if all is well, else a message; raises what the program raises."""
    run = run_torch if case["dialect"] == "torch" else run_numpy
    case["code"] = compile(case["source"], "program", "exec")
    values = {variable["name"]: read(variable, case["n_envs"]) for variable in case["variables"]}
    fresh = lambda: {name: value.copy() for name, value in values.items()}  # programs write into their inputs
    expected = run(case, fresh(), precise=False)
    found = [np.array(row, dtype=np.float64) for row in case["outputs"]]
    if len(expected) == 1:
        found = found[:1]
    if case["dialect"] == "torch":  # a module's outputs have one type, that of the total, so a wider term is rounded
        expected = [np.where(np.isfinite(f), e, e.astype(np.float32)) for f, e in zip(found, expected)]
    if len(found) != len(expected):
        return f"{len(found)} outputs instead of {len(expected)}"
    bar = BAR["torch" if any(word in case["source"] for word in SINGLES) else case["dialect"]]
    tiny = 1e-37 if case["dialect"] == "torch" else 1e-300
    if all(same(f, e, bar, tiny).all() for f, e in zip(found, expected)):
        return None
    # How much do the last digits of inputs and arithmetic matter?
    others = []
    for precise, change in [(True, False), *[(False, True)] * 6, *[(True, True)] * 2]:
        try:
            others.append(run(case, moved(case, values, rng) if change else fresh(), precise))
        except Exception:
            pass
    for output, (f, e) in enumerate(zip(found, expected)):
        with np.errstate(all="ignore"):
            slack = np.zeros(len(e))
            loose = np.zeros(len(e), dtype=bool)
            for other in others:
                slack = np.fmax(slack, 8 * np.abs(other[output] - e))
                loose |= np.isfinite(other[output]) != np.isfinite(e)
                loose |= np.isnan(other[output]) != np.isnan(e)
        ok = same(f, e, bar, np.maximum(slack, tiny)) | loose
        if not ok.all():
            env = int(np.argmin(ok))
            return f"output {output} of environment {env}: Carrot {f[env]!r}, {case['dialect']} {e[env]!r}"
    return "ill-conditioned"


def shrunk(case, options, message):
    carrot = shrink.Carrot(options.shrink)

    def judged(source):
        outputs = carrot.outputs(case, source)
        if outputs is None:
            return None
        try:
            return judge({**case, "source": source, "outputs": outputs}, np.random.default_rng(7))
        except Exception:
            return None

    def differs(source):
        return judged(source) not in (None, "ill-conditioned")

    source = shrink.shrink(case, differs, options.shrink_seconds)
    return judged(source) or message, {**case, "source": source}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--show", type=int, default=10)
    parser.add_argument("--shrink", metavar="BINARY", help="make programs smaller before they are shown")
    parser.add_argument("--shrink-seconds", type=float, default=6)
    parser.add_argument("--show-raised", type=int, default=0, help="also print programs that the library refuses")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
    rng = np.random.default_rng(7)
    counts = collections.Counter()
    raised = collections.Counter()
    shown = shown_raised = 0
    last = None  # a program that differs on both of its batches is shown once
    with open(options.file) as lines:
        for line in lines:
            case = json.loads(line)
            signal.alarm(SECONDS)
            try:
                message = judge(case, rng)
            except Exception as error:
                counts["refused by the library"] += 1
                text = f"{type(error).__name__}: {str(error).splitlines()[0][:90] if str(error) else ''}"
                raised[text] += 1
                if shown_raised < options.show_raised and raised[text] == 1:
                    shown_raised += 1
                    print(f"--- {case['name']}: raises {text}\n{case['source']}")
                continue
            finally:
                signal.alarm(0)
            if message is None or message == "ill-conditioned":
                counts[message or "equal"] += 1
                continue
            counts["different"] += 1
            if shown < options.show and case["name"] != last:
                last = case["name"]
                if options.shrink:
                    signal.alarm(0)
                    message, case = shrunk(case, options, message)
                shown += 1
                print(f"--- {case['name']}: {message}\n{case['source']}")
    print(dict(counts))
    for text, count in raised.most_common(40):
        print(f"{count:6} {text}")
    raise SystemExit(counts["different"] > 0)


if __name__ == "__main__":
    main()
