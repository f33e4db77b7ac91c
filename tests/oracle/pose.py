"""A rigid pose: a position and a unit quaternion with the scalar first, as manipulation simulators give it."""

import numpy as np


class Pose:
    """`Pose(p, q)`: world_from_body, where `p` is `[3]` (m) and `q` is (w, x, y, z)."""

    def __init__(self, p=(0.0, 0.0, 0.0), q=(1.0, 0.0, 0.0, 0.0)):
        self._p = np.array(p, dtype=np.result_type(np.asarray(p), np.float64))
        self._q = np.array(q, dtype=np.result_type(np.asarray(q), np.float64))

    @classmethod
    def from_numbers(cls, numbers):
        return cls(numbers[:3], numbers[3:])

    @classmethod
    def from_transformation_matrix(cls, matrix):
        matrix = np.asarray(matrix)
        return cls(matrix[:3, 3], quaternion_of_matrix(matrix[:3, :3]))

    # A reader gets a copy: what a program writes into it does not move the body.
    @property
    def p(self):
        return self._p.copy()

    @property
    def q(self):
        return self._q.copy()

    def set_p(self, p):
        self._p = np.array(p, dtype=np.float64)

    def set_q(self, q):
        self._q = np.array(q, dtype=np.float64)

    def inv(self):
        q = self._q * [1.0, -1.0, -1.0, -1.0]
        return Pose(-rotate(q, self._p), q)

    def transform(self, other):
        return Pose(self._p + rotate(self._q, other._p), multiply(self._q, other._q))

    def __mul__(self, other):
        return self.transform(other)

    def to_transformation_matrix(self):
        matrix = np.eye(4, dtype=self._p.dtype)
        matrix[:3, :3] = matrix_of_quaternion(self._q)
        matrix[:3, 3] = self._p
        return matrix


def multiply(a, b):
    """Hamilton product, scalar first."""
    scalar = a[0] * b[0] - np.dot(a[1:], b[1:])
    return np.concatenate([[scalar], a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])])


def rotate(q, v):
    """`v` turned by the unit quaternion `q`."""
    twice = 2.0 * np.cross(q[1:], v)
    return v + q[0] * twice + np.cross(q[1:], twice)


def matrix_of_quaternion(q):
    w, x, y, z = q
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])


def quaternion_of_matrix(m):
    """The unit quaternion of a rotation matrix, from its largest component (Shepperd's method)."""
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    if trace > 0:
        s = 2.0 * np.sqrt(trace + 1.0)
        return np.array([0.25 * s, (m[2, 1] - m[1, 2]) / s, (m[0, 2] - m[2, 0]) / s, (m[1, 0] - m[0, 1]) / s])
    i = int(np.argmax(np.diag(m)))
    j, k = (i + 1) % 3, (i + 2) % 3
    s = 2.0 * np.sqrt(1.0 + m[i, i] - m[j, j] - m[k, k])
    q = np.empty(4, dtype=m.dtype)
    q[0] = (m[k, j] - m[j, k]) / s
    q[1 + i], q[1 + j], q[1 + k] = 0.25 * s, (m[j, i] + m[i, j]) / s, (m[k, i] + m[i, k]) / s
    return q
