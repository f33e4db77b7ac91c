"""Prints `kernels_oracle.csv`: function, x, y (bits as hex), and the correctly rounded f64 value, from mpmath.

    python3 kernels_oracle.py > kernels_oracle.csv

Arguments are drawn over all binades of the domain, more of them where the function bends, and next to multiples of π/2.
"""

import random
import struct

from mpmath import (acos, asin, atan, atan2, cos, cosh, exp, expm1, fmod, inf, isinf, log, log1p, mp, mpf, pi, power, sin,
                    sinh, tan, tanh)

mp.prec = 2400  # a remainder may take all of them
random.seed(2024)


def bits(value):
    return struct.pack(">d", value).hex()


def any_float(low, high, signed=True):
    """Random sign, exponent and mantissa with low ≤ exponent < high."""
    value = random.uniform(1, 2) * 2.0 ** random.randrange(low, high)
    return -value if signed and random.random() < 0.5 else value


def rounded(value):
    """To the nearest f64, subnormal numbers included."""
    if value == 0 or isinf(value):
        return float(value)
    mantissa, exponent = mp.frexp(abs(value))
    ulp = mpf(2) ** max(int(exponent) - 53, -1074)
    result = mp.nint(abs(value) / ulp) * ulp  # nint rounds ties to even
    result = float("inf") if result >= mpf(2) ** 1024 else float(result)
    return -result if value < 0 else result


def quarter_turns():
    return float(random.randrange(1, 2**20) * pi / 2) if random.random() < 0.5 else any_float(-30, 1024)


def base_and_exponent():
    x = any_float(-1022, 1024, signed=False) if random.random() < 0.5 else any_float(-3, 3, signed=False)
    return x, float(random.uniform(-740, 705) / float(log(x)))


ONE = {
    "exp": (exp, lambda: random.choice([random.uniform(-745, 709.7), any_float(-60, 9)])),
    "expm1": (expm1, lambda: random.choice([random.uniform(-40, 709.7), any_float(-60, 9)])),
    "log": (log, lambda: random.choice([any_float(-1074, 1024, False), random.uniform(0.5, 2)])),
    "log1p": (log1p, lambda: random.choice([any_float(-60, 1024, False), random.uniform(-0.99, 2)])),
    "log2": (lambda x: log(x) / log(2), lambda: random.choice([any_float(-1074, 1024, False), random.uniform(0.5, 2)])),
    "log10": (lambda x: log(x) / log(10), lambda: random.choice([any_float(-1074, 1024, False), random.uniform(0.5, 2)])),
    "sin": (sin, quarter_turns),
    "cos": (cos, quarter_turns),
    "tan": (tan, quarter_turns),
    "asin": (asin, lambda: random.choice([random.uniform(-1, 1), any_float(-60, 0)])),
    "acos": (acos, lambda: random.choice([random.uniform(-1, 1), any_float(-60, 0)])),
    "atan": (atan, lambda: random.choice([random.uniform(-3, 3), any_float(-60, 70)])),
    "sinh": (sinh, lambda: random.choice([random.uniform(-3, 3), any_float(-30, 9)])),
    "cosh": (cosh, lambda: random.choice([random.uniform(-3, 3), any_float(-30, 9)])),
    "tanh": (tanh, lambda: random.choice([random.uniform(-3, 3), any_float(-30, 5)])),
}
TWO = {
    "pow": (power, base_and_exponent),
    "atan2": (atan2, lambda: random.choice([(any_float(-3, 3), any_float(-3, 3)), (any_float(-1022, 1024), any_float(-1022, 1024))])),
    "rem": (
        lambda x, y: fmod(abs(mpf(x)), abs(mpf(y))) * (-1 if x < 0 else 1),
        lambda: random.choice([(any_float(-3, 60), any_float(-3, 3)), (any_float(-1022, 1024), any_float(-1022, 1024))]),
    ),
}
COUNT = 400
for name, (function, draw) in ONE.items():
    for _ in range(COUNT):
        x = draw()
        print(f"{name},{bits(x)},{bits(0.0)},{bits(rounded(function(mpf(x))))}")
for name, (function, draw) in TWO.items():
    for _ in range(COUNT):
        x, y = draw()
        print(f"{name},{bits(x)},{bits(y)},{bits(rounded(function(mpf(x), mpf(y))))}")
