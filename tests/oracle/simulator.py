"""What simulators and their libraries offer to reward programs by name: rotation helpers and reward shapes.

Programs use these without saying where they come from, or import them from packages that are not installed here. The
formulas are written out again, for two reasons: a comparison then needs no simulator, and it is a second opinion.
"""

import math

import numpy as np
import torch

from pose import Pose, matrix_of_quaternion, multiply

# Torch: quaternions are (x, y, z, w), along the last axis ---------------------------------------------------------------


def quat_mul(a, b):
    """Hamilton product: a b = (a_w b_v + b_w a_v + a_v x b_v, a_w b_w - a_v . b_v)."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + torch.linalg.cross(av, bv)
    return torch.cat([vector, aw * bw - (av * bv).sum(-1, keepdim=True)], dim=-1)


def quat_conjugate(a):
    return torch.cat([-a[..., :3], a[..., 3:]], dim=-1)


def quat_rotate(q, v, sign=1.0):
    """(2 w^2 - 1) v + 2 w (q_v x v) + 2 q_v (q_v . v)."""
    qv, qw = q[..., :3], q[..., 3:]
    along = (qv * v).sum(-1, keepdim=True)
    return v * (2.0 * qw**2 - 1.0) + sign * 2.0 * qw * torch.linalg.cross(qv, v) + 2.0 * qv * along


def quat_rotate_inverse(q, v):
    return quat_rotate(q, v, -1.0)


def quat_apply(q, v):
    twice = 2.0 * torch.linalg.cross(q[..., :3], v)
    return v + q[..., 3:] * twice + torch.linalg.cross(q[..., :3], twice)


def quat_axis(q, axis=0):
    basis = torch.zeros(*q.shape[:-1], 3, dtype=q.dtype)
    basis[..., axis] = 1.0
    return quat_rotate(q, basis)


def normalize(x, eps=1e-9):
    return x / x.norm(p=2, dim=-1).clamp(min=eps).unsqueeze(-1)


def normalize_angle(x):
    return torch.atan2(torch.sin(x), torch.cos(x))


def quat_from_angle_axis(angle, axis):
    half = (angle / 2).unsqueeze(-1)
    return normalize(torch.cat([normalize(axis) * half.sin(), half.cos()], dim=-1))


def quat_from_euler_xyz(roll, pitch, yaw):
    cr, sr, cp, sp = torch.cos(roll / 2), torch.sin(roll / 2), torch.cos(pitch / 2), torch.sin(pitch / 2)
    cy, sy = torch.cos(yaw / 2), torch.sin(yaw / 2)
    parts = [cy * sr * cp - sy * cr * sp, cy * cr * sp + sy * sr * cp, sy * cr * cp - cy * sr * sp]
    return torch.stack([*parts, cy * cr * cp + sy * sr * sp], dim=-1)


def get_euler_xyz(q):
    """Roll, pitch, yaw, each in [0, 2 pi)."""
    x, y, z, w = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    roll = torch.atan2(2.0 * (w * x + y * z), w * w - x * x - y * y + z * z)
    sine = 2.0 * (w * y - z * x)
    right_angle = torch.abs(torch.tensor(np.pi / 2.0, dtype=q.dtype)) * torch.sign(sine)
    pitch = torch.where(torch.abs(sine) >= 1, right_angle, torch.asin(sine))
    yaw = torch.atan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z)
    turn = 2 * np.pi
    return roll % turn, pitch % turn, yaw % turn


def quat_diff_rad(a, b):
    """Angle between two orientations."""
    difference = quat_mul(a, quat_conjugate(b))
    return 2.0 * torch.asin(torch.clamp(torch.norm(difference[:, :3], p=2, dim=-1), max=1.0))


def tf_inverse(q, t):
    inverse = quat_conjugate(q)
    return inverse, -quat_apply(inverse, t)


def tf_apply(q, t, v):
    return quat_apply(q, v) + t


def tf_combine(q1, t1, q2, t2):
    return quat_mul(q1, q2), quat_apply(q1, t2) + t1


def local_to_world_space(offset, pose):
    """Points in the frame of `pose` (position, xyzw quaternion) as points in the world."""
    pure = torch.cat([offset, torch.zeros_like(offset[..., :1])], dim=-1)
    q = pose[:, 3:7]
    return quat_mul(q, quat_mul(pure, quat_conjugate(q)))[:, :3] + pose[:, :3]


def tensor_clamp(t, low, high):
    return torch.max(torch.min(t, high), low)


def scale(x, lower, upper):
    return 0.5 * (x + 1.0) * (upper - lower) + lower


def unscale(x, lower, upper):
    return (2.0 * x - upper - lower) / (upper - lower)


def to_torch(x, dtype=torch.float, device="cpu", requires_grad=False):
    return torch.tensor(x, dtype=dtype, requires_grad=requires_grad)


TORCH = {
    "quat_mul": quat_mul, "quat_conjugate": quat_conjugate, "quat_rotate": quat_rotate,
    "quat_rotate_inverse": quat_rotate_inverse, "my_quat_rotate": quat_rotate, "quat_apply": quat_apply,
    "quat_axis": quat_axis, "quat_unit": normalize, "normalize": normalize, "normalize_angle": normalize_angle,
    "quat_from_angle_axis": quat_from_angle_axis, "quat_from_euler_xyz": quat_from_euler_xyz,
    "get_euler_xyz": get_euler_xyz, "quat_diff_rad": quat_diff_rad, "tf_vector": quat_apply, "tf_apply": tf_apply,
    "tf_inverse": tf_inverse, "tf_combine": tf_combine, "tensor_clamp": tensor_clamp, "scale": scale,
    "unscale": unscale, "local_to_world_space": local_to_world_space, "to_torch": to_torch,
}  # fmt: skip


# NumPy: quaternions are (w, x, y, z) ----------------------------------------------------------------------------------


def qinverse(q):
    q = np.asarray(q)
    return q * [1.0, -1.0, -1.0, -1.0] / np.dot(q, q)


def quat2axangle(quat, identity_thresh=None):
    """Axis and angle in [0, 2 pi); the x axis and 0 for a rotation too small to have one."""
    w, v = quat[0], np.asarray(quat[1:], dtype=np.float64)
    norm = np.linalg.norm(np.asarray(quat))
    if norm < np.finfo(np.float64).eps ** 2:
        return np.array([1.0, 0.0, 0.0]), 0.0
    if norm != 1.0:
        w, v = w / norm, v / norm
    length = np.linalg.norm(v)
    if length < (np.finfo(np.float64).eps * 3 if identity_thresh is None else identity_thresh):
        return np.array([1.0, 0.0, 0.0]), 0.0
    return v / length, 2 * math.acos(max(min(w, 1), -1))


def transform_points(matrix, points):
    """Points `[..., 3]` under a 4 x 4 transformation."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def angle_distance(a, b):
    """Angle of the rotation from pose `a` to pose `b`, in [0, pi]."""
    return 2 * np.arccos(np.clip(np.abs(np.dot(a.q, b.q)), 0, 1))


def clip_and_normalize(x, low, high):
    return (np.clip(x, low, high) - low) / (high - low)


def normalize_vector(x, eps=1e-6):
    x = np.asarray(x)
    length = np.linalg.norm(x)
    return np.zeros_like(x) if length < eps else x / length


def compute_angle_between(a, b):
    return np.arccos(np.clip(np.dot(normalize_vector(a), normalize_vector(b)), -1, 1)).item()


def vectorize_pose(pose):
    return np.hstack([pose.p, pose.q])


# Reward shapes: 1 inside the bounds, and outside down to `value_at_margin` at `margin` ------------------------------------

SIGMOIDS = {
    "gaussian": lambda x, v: np.exp(-0.5 * (x * np.sqrt(-2 * np.log(v))) ** 2),
    "hyperbolic": lambda x, v: 1 / np.cosh(x * np.arccosh(1 / v)),
    "long_tail": lambda x, v: 1 / ((x * np.sqrt(1 / v - 1)) ** 2 + 1),
    "reciprocal": lambda x, v: 1 / (abs(x) * (1 / v - 1) + 1),
    "cosine": lambda x, v: below_one(x * np.arccos(2 * v - 1) / np.pi, lambda y: (1 + np.cos(np.pi * y)) / 2),
    "linear": lambda x, v: below_one(x * (1 - v), lambda y: 1 - y),
    "quadratic": lambda x, v: below_one(x * np.sqrt(1 - v), lambda y: 1 - y**2),
    "tanh_squared": lambda x, v: 1 - np.tanh(x * np.arctanh(np.sqrt(1 - v))) ** 2,
}


def below_one(x, shape):
    return np.where(abs(x) < 1, shape(x), 0.0)


def tolerance(x, bounds=(0.0, 0.0), margin=0.0, sigmoid="gaussian", value_at_margin=0.1):
    lower, upper = bounds
    if lower > upper:
        raise ValueError("Lower bound must be <= upper bound.")
    if margin < 0:
        raise ValueError(f"`margin` must be non-negative. Current value: {margin}")
    in_bounds = np.logical_and(lower <= x, x <= upper)
    if margin == 0:
        value = np.where(in_bounds, 1.0, 0.0)
    else:
        distance = np.where(x < lower, lower - x, x - upper) / margin
        value = np.where(in_bounds, 1.0, SIGMOIDS[sigmoid](distance, value_at_margin))
    return float(value) if np.isscalar(x) else value


def rect_prism_tolerance(curr, zero, one):
    """0 at the corner `zero` of a box and 1 at the corner `one`: the product along the axes; 1 outside of the box."""

    def is_between(a, b, c):
        return b <= a <= c or c <= a <= b

    if not all(is_between(curr[i], zero[i], one[i]) for i in range(3)):
        return 1.0
    size = one - zero
    along = (curr - zero) / size
    return along[0] * along[1] * along[2]


def hamacher_product(a, b):
    if not (0.0 <= a <= 1.0 and 0.0 <= b <= 1.0):
        raise ValueError(f"a ({a}) and b ({b}) must range between 0 and 1")
    denominator = a + b - a * b
    return a * b / denominator if denominator > 0 else 0


NUMPY = {
    "Pose": Pose, "qmult": multiply, "qinverse": qinverse, "quat2axangle": quat2axangle,
    "quat2mat": matrix_of_quaternion, "transform_points": transform_points, "angle_distance": angle_distance,
    "clip_and_normalize": clip_and_normalize, "normalize_vector": normalize_vector,
    "compute_angle_between": compute_angle_between, "vectorize_pose": vectorize_pose, "tolerance": tolerance,
    "hamacher_product": hamacher_product, "rect_prism_tolerance": rect_prism_tolerance,
}  # fmt: skip
