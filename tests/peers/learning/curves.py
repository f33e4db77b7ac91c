"""Draws the learning curves that `sb3.py` and `carrot.py` left: mean over the seeds, and the range from the least to the best seed.

    peers/bin/python tests/peers/learning/curves.py RESULTS OUT.svg [--labels sb3 carrot adaptive]

A point is the mean return of the training's episodes (with exploration) that ended in a tenth of the steps.
"""

import argparse
import pathlib

import numpy as np

from table import runs
from tasks import TASKS

PARTS = 10
COLOURS = ["#555555", "#e8731a", "#2a7ab8"]
WIDTH, HEIGHT, LEFT, TOP = 330, 210, 52, 26


def tenths(run):
    """Mean return over about a tenth of the training each, at its middle; carried on where no episode ended."""
    if "checkpoints" in run:
        ends = [0, *(point["steps"] for point in run["checkpoints"])]
        means = [point["fitness"] for point in run["checkpoints"]]
    else:
        ends = list(np.linspace(0, run["steps"], PARTS + 1))
        inside = [[value for steps, value in run["curve"] if low < steps <= high] for low, high in zip(ends, ends[1:])]
        means = [float(np.mean(values)) if values else None for values in inside]
    last = next(mean for mean in means if mean is not None)
    carried = [last := last if mean is None else mean for mean in means]
    return (np.array(ends[:-1]) + ends[1:]) / 2, carried


def panel(results, name, labels, x0, y0):
    """One task's curves, with axes, at (x0, y0)."""
    series = []
    for label, colour in zip(labels, COLOURS):
        group = [tenths(run) for run in runs(results, label, name)]
        if group:
            series.append((colour, group[0][0], np.array([means for _, means in group])))
    if not series:
        return []
    low = min(0.0, *(values.min() for _, _, values in series))
    high = max(values.max() for _, _, values in series)
    last = max(steps[-1] for _, steps, _ in series) * PARTS / (PARTS - 0.5)
    plot_width, plot_height = WIDTH - LEFT - 16, HEIGHT - TOP - 30

    def place(steps, value):
        x = x0 + LEFT + steps / last * plot_width
        y = y0 + TOP + (high - value) / (high - low) * plot_height
        return f"{x:.1f},{y:.1f}"

    def text(x, y, words, anchor="end"):
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'

    out = [text(x0 + LEFT + plot_width / 2, y0 + 16, TASKS[name].gymnasium, "middle")]
    for value in {0.0, max(low, high, key=abs)}:
        out.append(f'<polyline points="{place(0, value)} {place(last, value)}" stroke="#dddddd" fill="none"/>')
        out.append(text(x0 + LEFT - 6, float(place(0, value).split(",")[1]) + 4, f"{value:.0f}"))
    out.append(text(x0 + LEFT + plot_width, y0 + HEIGHT - 12, f"{last / 1000:.0f} k steps"))
    for colour, steps, values in series:
        edge = [place(s, v) for s, v in zip(steps, values.max(0))] + [place(s, v) for s, v in zip(steps, values.min(0))][::-1]
        out.append(f'<polygon points="{" ".join(edge)}" fill="{colour}" fill-opacity="0.15"/>')
        line = " ".join(place(s, v) for s, v in zip(steps, values.mean(0)))
        out.append(f'<polyline points="{line}" stroke="{colour}" stroke-width="2" fill="none"/>')
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--labels", nargs="+", default=["sb3", "carrot", "adaptive"])
    parser.add_argument("--names", nargs="+", default=["Stable-Baselines3", "Carrot, the same settings", "Carrot, more updates"])
    options = parser.parse_args()
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{2 * HEIGHT + 24}" '
           'font-family="sans-serif" font-size="12" fill="#333333">',
           f'<rect width="{2 * WIDTH}" height="{2 * HEIGHT + 24}" fill="#ffffff"/>']
    for index, (name, colour) in enumerate(zip(options.names, COLOURS)):
        x = LEFT + 170 * index
        out.append(f'<polyline points="{x},14 {x + 24},14" stroke="{colour}" stroke-width="2"/>'
                   f'<text x="{x + 30}" y="18">{name}</text>')
    for index, name in enumerate(TASKS):
        out += panel(options.results, name, options.labels, index % 2 * WIDTH, index // 2 * HEIGHT + 24)
    options.out.write_text("\n".join([*out, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
