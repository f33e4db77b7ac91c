"""Makes a program smaller for as long as Carrot and the library disagree about it.

`oracle.py --shrink` uses it: statements go, expressions are replaced by their parts, until nothing more can go.
"""

import ast
import json
import subprocess


class Carrot:
    """`carrot-reward-fuzz --answer`, kept running."""

    def __init__(self, binary):
        self.process = subprocess.Popen(
            [binary, "--answer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def outputs(self, case, source):
        columns = [[repr(float(value)) for value in variable["values"]] for variable in case["variables"]]
        question = {"source": source, "n_envs": case["n_envs"], "columns": columns}
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def variants(tree):
    """Programs with one statement or expression less, larger cuts first."""
    source = ast.unparse(tree)
    count = sum(1 for _ in ast.walk(tree))
    for index in range(count):
        for choice in range(12):
            copy = ast.parse(source)
            node = list(ast.walk(copy))[index]
            if not cut(node, choice):
                break
            yield copy


def cut(node, choice):
    """Makes the `choice`-th smaller thing of what is inside `node`; false if there are not so many."""
    options = []
    for field, value in ast.iter_fields(node):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            for at, statement in enumerate(value):
                if len(value) > 1 or field == "orelse":
                    options.append((field, value[:at] + value[at + 1 :]))
                if isinstance(statement, (ast.If, ast.For)):
                    options.append((field, value[:at] + statement.body + value[at + 1 :]))
                    if statement.orelse:
                        options.append((field, value[:at] + statement.orelse + value[at + 1 :]))
        elif isinstance(value, ast.expr):
            for child in ast.walk(value):
                if child is not value and isinstance(child, ast.expr) and not isinstance(child, ast.Slice):
                    options.append((field, child))
        elif isinstance(value, list) and value and isinstance(value[0], ast.expr):
            for at, item in enumerate(value):
                for child in ast.walk(item):
                    if child is not item and isinstance(child, ast.expr) and not isinstance(child, ast.Slice):
                        options.append((field, [*value[:at], child, *value[at + 1 :]]))
    if isinstance(node, ast.Dict) and node.keys:
        options = [("keys", node.keys[:-1])]
    if choice >= len(options):
        return False
    field, value = options[choice]
    setattr(node, field, value)
    if isinstance(node, ast.Dict):
        node.values = node.values[: len(node.keys)]
    return True


def shrink(case, differs, seconds):
    """The smallest program found; `differs(source)` says whether the disagreement is still there."""
    import time

    end = time.monotonic() + seconds
    best = ast.unparse(ast.parse(case["source"]))
    progress = True
    while progress and time.monotonic() < end:
        progress = False
        for variant in variants(ast.parse(best)):
            if time.monotonic() > end:
                break
            try:
                text = ast.unparse(variant)
            except Exception:
                continue
            if len(text) < len(best) and differs(text):
                best, progress = text, True
                break
    return best
