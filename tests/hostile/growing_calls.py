# Stopped by program-too-large: calls that fork into a billion calls.
import numpy as np

def a(x): return np.sin(x) + np.sin(x + 1.0)
def b(x): return a(a(x)) + a(x + 2.0)
def c(x): return b(b(x)) + b(x + 3.0)
def d(x): return c(c(x)) + c(x + 4.0)
def e(x): return d(d(x)) + d(x + 5.0)
def f(x): return e(e(x)) + e(x + 6.0)
def g(x): return f(f(x)) + f(x + 7.0)
def h(x): return g(g(x)) + g(x + 8.0)  # error: [program-too-large]

def compute_dense_reward(self):
    return h(h(h(self.x)))
