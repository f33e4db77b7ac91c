"""Runs an exported policy with onnxruntime: observations in, actions out, until the input ends.

    carrot export policy.safetensors --out policy.onnx
    python3 -m pip install onnxruntime numpy
    python3 tests/peers/onnx_policy.py policy.onnx < observations > actions

The input is a sequence of batches: the number of rows as a little-endian u32, then so many rows of f32. For each batch comes
back, likewise without any separator, the output `action` and then, if the model has it, `control`. The tests drive a
simulation with it, step by step.
"""

import struct
import sys

import numpy as np
import onnxruntime


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    columns = session.get_inputs()[0].shape[1]
    outputs = [output.name for output in session.get_outputs()]
    while header := sys.stdin.buffer.read(4):
        (rows,) = struct.unpack("<I", header)
        observation = np.frombuffer(sys.stdin.buffer.read(4 * rows * columns), "<f4").reshape(rows, columns)
        for result in session.run(outputs, {"observation": observation}):
            sys.stdout.buffer.write(result.astype("<f4").tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
