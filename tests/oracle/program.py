"""Runs the text of a reward program in real Python, with PyTorch or NumPy, on a batch of inputs.

Programs are run as they are. Packages that they import and that are not installed become empty shells which offer the
names of `simulator.py`; classes lose their bases; decorators of torch's compiler do nothing.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import math
import re
import sys
import types
import typing

import numpy as np
import scipy.spatial.distance
import scipy.spatial.transform
import torch

import simulator
from pose import Pose
from surface import Surface, World

TORCH_WORDS = re.compile(r"\btorch\b|\bTensor\b|\.(float\(|unsqueeze\b|clamp\b)")
REWARD_NAMES = ("compute_reward", "compute_dense_reward")


class Shell(types.ModuleType):
    """A package that is not here: the names of `simulator.py`, and an empty class for any other."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        offered = OFFERED.get(name)
        return offered if offered is not None else type(name, (), {})


class ShellFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, roots):
        self.roots = roots

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.roots:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Shell(spec.name)

    def exec_module(self, module):
        pass


OFFERED = dict(simulator.TORCH | simulator.NUMPY)


class Program:
    """One program, ready to run."""

    def __init__(self, text, name="program", extra=None):
        self.text = text
        self.is_torch = bool(TORCH_WORDS.search(text))
        tree = ast.parse(text)
        install_shells(tree)
        torch.jit.script = lambda function=None, **_: function  # the values are those of eager mode
        names = {"np": np, "torch": torch, "math": math, "cdist": scipy.spatial.distance.cdist}
        names |= {"sdist": scipy.spatial.distance, "distance": scipy.spatial.distance, "Tensor": torch.Tensor}
        names |= {key: getattr(typing, key) for key in ("Any", "Dict", "List", "Optional", "Tuple", "Union")}
        names |= {"Rotation": scipy.spatial.transform.Rotation, "F": torch.nn.functional}
        names |= {"sapien": shell_of("sapien"), "reward_utils": shell_of("reward_utils")}
        names |= simulator.TORCH if self.is_torch else simulator.NUMPY
        names |= extra or {}
        tree = ast.fix_missing_locations(WithoutBases().visit(tree))
        exec(compile(tree, name, "exec", flags=annotations_flag(), dont_inherit=True), names)
        self.members = {}
        functions = {}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = node
                self.members[node.name] = names[node.name]
            if isinstance(node, ast.ClassDef):
                members = vars(names[node.name])
                for inner in ast.walk(node):
                    if isinstance(inner, ast.FunctionDef) and inner.name in members:
                        functions[inner.name] = inner
                self.members |= {key: value for key, value in members.items() if not key.startswith("__")}
        self.entry_node = entry_of(functions)
        self.entry = self.members[self.entry_node.name]
        if isinstance(self.entry, staticmethod):
            self.entry = self.entry.__func__

    def call(self, values, memory=None):
        """Result of one call; `values` are in the program's own types."""
        self.world = world = World(values, self.members, memory)
        positional, named = [], {}
        for position, parameter in enumerate(inspect.signature(self.entry).parameters.values()):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if parameter.name in values:
                value = values[parameter.name]
            elif parameter.default is not parameter.empty:
                continue
            elif position == 0 and parameter.name == "self":
                value = Surface("", world)
            else:
                value = Surface(parameter.name, world)
            named[parameter.name] = value
        return self.entry(*positional, **named)

    def outputs(self, result):
        """`total` and `term.<name>` of what a call returned.

        Only entries of a dict are terms. Further elements of a tuple (resets, successes) are not: `carrot` takes a total
        without a dict apart into its summands, which may have the same names and other values.
        """
        if isinstance(result, dict):
            terms = {f"term.{name}": value for name, value in result.items()}
            return ({"total": terms.pop("term.reward")} if "term.reward" in terms else {}) | terms
        if result is None:
            return {"total": self.left_behind()}
        if not isinstance(result, tuple):
            return {"total": result}
        terms = {}
        for item in result[1:]:
            if isinstance(item, dict):
                terms |= {f"term.{name}": value for name, value in item.items()}
        return {"total": result[0]} | terms

    def left_behind(self):
        """The reward of a program that returns nothing: `self.rew_buf`."""
        if "rew_buf" in self.world.memory:
            return self.world.memory["rew_buf"]
        return self.world.values["rew_buf"]

    # A batch ------------------------------------------------------------------------------------------------------

    def run(self, schema, inputs, rows, precise=False):
        """Outputs for a batch as `{name: [rows]}`, and for each row what it raised (or None).

        A torch program takes the whole batch at once, a numpy program one environment at a time. `precise` computes with
        more digits than the program would: f64 in torch, long double in numpy.
        """
        if self.is_torch:
            torch.set_default_dtype(torch.float64 if precise else torch.float32)
            values = {name: torch_value(variable, inputs.get(name), precise) for name, variable in schema.items()}
            outputs = self.outputs(self.call(values))
            torch.set_default_dtype(torch.float32)
            return {name: batch_of(value, rows) for name, value in outputs.items()}, [None] * rows
        kept, raised = [], []
        for row in range(rows):
            values = {name: numpy_value(variable, inputs.get(name), row, precise) for name, variable in schema.items()}
            try:
                kept.append({name: number_of(value) for name, value in self.outputs(self.call(values)).items()})
                raised.append(None)
            except (ArithmeticError, AssertionError, NameError, ValueError, RuntimeError, IndexError) as error:
                kept.append({})
                raised.append(error)
        names = {name: None for row in kept for name in row}
        columns = {name: np.array([row.get(name, np.nan) for row in kept], dtype=np.float64) for name in names}
        return {name: column for name, column in columns.items()}, raised


def entry_of(functions):
    for name in REWARD_NAMES:
        if name in functions:
            return functions[name]
    called = {
        getattr(node, "attr", getattr(node, "id", None))
        for function in functions.values()
        for node in ast.walk(function)
        if isinstance(node, (ast.Name, ast.Attribute))
    }
    roots = [function for name, function in functions.items() if name not in called]
    return roots[-1] if roots else list(functions.values())[-1]


class WithoutBases(ast.NodeTransformer):
    def visit_ClassDef(self, node):
        node.bases, node.keywords, node.decorator_list = [], [], []
        return node


def annotations_flag():
    import __future__

    return __future__.annotations.compiler_flag


def install_shells(tree):
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            roots.add(node.module.split(".")[0])
    missing = {root for root in roots if root not in sys.modules and importlib.util.find_spec(root) is None}
    if missing:
        sys.meta_path.append(ShellFinder(missing))


def shell_of(name):
    return Shell(name)


# Values -----------------------------------------------------------------------------------------------------------------


def torch_value(variable, value, precise=False):
    dtype = variable.get("dtype", "float")
    if dtype == "str":
        return variable["value"]
    if variable.get("uniform", False) and value.ndim == 0:
        return value.item()
    kinds = {"float": torch.float32, "f32": torch.float32, "f64": torch.float64, "bool": torch.bool, "i64": torch.int64}
    tensor = torch.from_numpy(np.array(value)).to(kinds[dtype])
    return tensor.to(torch.float64) if precise and tensor.is_floating_point() else tensor


def numpy_value(variable, values, row, precise=False):
    dtype = variable.get("dtype", "float")
    if dtype == "str":
        return variable["value"]
    value = values if variable.get("uniform", False) else values[row]
    if precise and value.dtype == np.float64:
        value = value.astype(np.longdouble)
    if dtype == "pose":
        poses = [Pose.from_numbers(numbers) for numbers in value.reshape(-1, 7)]
        return poses if variable.get("shape") else poses[0]
    if dtype == "f32":
        value = value.astype(np.float32)
    if value.ndim == 0:
        return value[()] if value.dtype == np.longdouble else value.item()
    return value.copy()


def batch_of(value, rows):
    value = torch.as_tensor(value).detach()
    value = value.to(torch.float64)
    return (value if value.ndim == 1 and value.shape[0] == rows else value.reshape(()).expand(rows)).numpy().copy()


def number_of(value):
    if value is None:
        return np.nan
    array = np.asarray(value, dtype=np.float64)
    return float(array.reshape(())) if array.size == 1 else np.nan
