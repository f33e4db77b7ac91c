# Stopped by import: the operating system.
import os  # error: [import]
import subprocess, socket  # error: [import]
from ctypes import CDLL  # error: [import]

def compute_dense_reward(self):
    return self.x
