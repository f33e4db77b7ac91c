"""What a program sees of a simulator, made from nothing but the values of its schema.

A chain such as `self.robot.check_grasp(self.cubeA, max_angle=30)` is looked up by its own text, aliases expanded and the
root `self` left out. So a program text runs here as it is, in real Python, and finds its inputs where it looks for them.
"""

import numpy as np


class Surface:
    """A part of the simulator: the chain that leads to it, and the values that lie below."""

    def __init__(self, path, world):
        object.__setattr__(self, "_path", path)
        object.__setattr__(self, "_world", world)

    def __getattr__(self, name):
        return self._world.read(f"{self._path}.{name}" if self._path else name, self, name)

    def __setattr__(self, name, value):
        self._world.memory[f"{self._path}.{name}" if self._path else name] = value

    def __getitem__(self, index):
        return self._world.read(f"{self._path}[{spell(index, self._world)}]", self, None)

    def __setitem__(self, index, value):
        self._world.memory[f"{self._path}[{spell(index, self._world)}]"] = value

    def __call__(self, *arguments, **named):
        if self._path.endswith(".update") and not arguments:  # `info.update(stage=1)`: a report that nobody reads
            return None
        texts = [spell(argument, self._world) for argument in arguments]
        texts += [f"{name}={spell(argument, self._world)}" for name, argument in named.items()]
        return self._world.read(f"{self._path}({', '.join(texts)})", self, None)

    def __repr__(self):
        return f"<{self._path or 'self'}>"


class World:
    """The values of one evaluation. `memory` holds what the program has set on its objects, by chain."""

    def __init__(self, values, members=None, memory=None):
        self.values = values
        self.members = members or {}
        self.memory = {} if memory is None else memory

    def read(self, path, owner, attribute):
        if path in self.memory:
            return self.memory[path]
        if path in self.values:
            return self.values[path]
        if any(is_part(path, name) for name in self.values) or attribute == "update":
            return Surface(path, self)
        member = self.members.get(attribute)
        if isinstance(member, property):
            return member.fget(owner)
        if isinstance(member, staticmethod):
            return member.__func__
        if callable(member):
            return member.__get__(owner)
        if member is not None:
            return member
        raise AttributeError(f"the schema has no variable `{path}`")


def is_part(path, name):
    """Whether a chain begins with `path`, or has it as an argument of a call."""
    start = name.find(path)
    while start >= 0:
        before, after = name[:start], name[start + len(path) :]
        opens = not before or before[-1] in "( =["
        if opens and after and not (after[0].isalnum() or after[0] in "_="):
            return True
        start = name.find(path, start + 1)
    return False


def spell(value, world):
    """How an argument is written in the text of a chain."""
    if isinstance(value, Surface):
        return value._path or "self"
    for name, known in world.values.items():
        if known is value and not isinstance(value, (bool, int, float, str)):
            return name
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list):
        return f"[{', '.join(spell(item, world) for item in value)}]"
    if isinstance(value, tuple):
        return f"({', '.join(spell(item, world) for item in value)})"
    return repr(value)
