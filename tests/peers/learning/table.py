"""Prints what `sb3.py` and `carrot.py` found, as the table of docs/optimisers.md.

    peers/bin/python tests/peers/learning/table.py RESULTS [--labels sb3 carrot] [--speed SPEED.json]

For every task: the mean over the seeds of the return of the learned policy (20 episodes, mean action), ± half the 95 % confidence
interval of that mean (Student's t); the same of the episodes of the last tenth of the training (with exploration); and whether the
last label's mean is within the confidence interval of the difference (Welch's t). The exit code is 1 where it is worse than that.
"""

import argparse
import json
import pathlib
import sys

import numpy as np

from tasks import TASKS

#: 97.5 % quantile of Student's t by degrees of freedom.
QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]


def quantile(freedom):
    """Rounded down to whole degrees of freedom, which widens the interval."""
    return QUANTILES[min(max(int(freedom), 1), len(QUANTILES)) - 1]


def half_interval(values):
    count = len(values)
    return quantile(count - 1) * np.std(values, ddof=1) / count**0.5 if count > 1 else float("nan")


def late_return(run):
    """Mean return of the episodes that ended in the last tenth of the training; of the last ones where none did."""
    late = [value for steps, value in run["curve"] if steps > 0.9 * run["steps"]]
    return float(np.mean(late or [value for _, value in run["curve"][-1:]]))


def runs(results, label, task):
    return [json.loads(file.read_text()) for file in sorted(results.glob(f"{label}-{task}-[0-9]*.json"))]


def verdict(base, other):
    """Whether `other` has the smaller mean by more than the confidence interval of the difference."""
    if min(len(base), len(other)) < 2:
        return False, "too few seeds"
    variances = [np.var(values, ddof=1) / len(values) for values in (base, other)]
    freedom = sum(variances) ** 2 / sum(v**2 / (len(x) - 1) for v, x in zip(variances, (base, other)))
    difference, half = np.mean(other) - np.mean(base), quantile(freedom) * sum(variances) ** 0.5
    words = "worse" if difference < -half else "better" if difference > half else "no different"
    return difference < -half, f"{words} ({difference:+.0f} ± {half:.0f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--labels", nargs="+", default=["sb3", "carrot"])
    parser.add_argument("--speed", type=pathlib.Path)
    options = parser.parse_args()
    speed = json.loads(options.speed.read_text()) if options.speed else {}
    print("| task | steps | seeds | " + " | ".join(f"{label}: return | while learning" for label in options.labels)
          + " | difference of the return |" + (" steps/s | |" if speed else ""))
    print("|---" * (4 + 2 * len(options.labels) + (2 if speed else 0)) + "|")
    worse = False
    for name in TASKS:
        found = [runs(options.results, label, name) for label in options.labels]
        if not all(found):
            continue
        cells = []
        for group in found:
            for values in ([run["mean_return"] for run in group], [late_return(run) for run in group]):
                cells.append(f"{np.mean(values):.0f} ± {half_interval(values):.0f}")
        lost, words = verdict(*([run["mean_return"] for run in found[place]] for place in (0, -1)))
        worse |= lost
        row = [name, f"{found[-1][0]['steps']:,}", "/".join(str(len(group)) for group in found), *cells, words]
        if name in speed:
            sides = speed[name]
            row += [f"{sides['sb3']:,.0f} · {sides['carrot']:,.0f}", f"{sides['ratio']:.1f} ×"]
        print("| " + " | ".join(row) + " |")
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
