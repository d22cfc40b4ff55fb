"""The job of common.py in NumPy, on one thread: seq 3 | python numpy_annealed.py"""

import math

import numpy as np
from common import LOG_Z0, START_SD, STEP, TILT, arguments, serve

args = arguments()
N, K = args.particles, args.steps
f32 = np.float32


def start(seed):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((2, N), dtype=f32) * f32(START_SD)


def run(state):
    rng, position = state
    log_w = np.zeros(N, f32)
    log_z, resamplings = LOG_Z0, 0
    inv_var, tilt = f32(1 / START_SD**2), f32(TILT)
    noise = np.empty_like(position)
    for k in range(K):
        x, y = position
        x2 = x * x
        target = f32(0.25) * x2 * x2 - f32(0.5) * x2 + f32(0.5) * y * y + tilt * x
        log_w -= f32(1 / K) * (target - f32(0.5) * inv_var * (x2 + y * y))

        top = log_w.max()
        w = np.exp(log_w - top)
        total = w.sum(dtype=np.float64)
        if total * total / np.dot(w, w) < N / 2:
            log_z += float(top) + math.log(total / N)
            position = position[:, systematic(w, rng)]
            log_w[:] = 0
            resamplings += 1
            x, y = position
            x2 = x * x

        b = f32((k + 1) / K)
        pull = (1 - b) * inv_var
        rng.standard_normal(out=noise, dtype=f32)
        noise *= f32(math.sqrt(2 * STEP))
        x -= f32(STEP) * (pull * x + b * (x2 * x - x + tilt))
        y -= f32(STEP) * (pull + b) * y
        position += noise
    top = log_w.max()
    return log_z + float(top) + math.log(np.exp(log_w - top).mean(dtype=np.float64)), resamplings


def systematic(w, rng):
    cumulated = np.cumsum(w, dtype=np.float64)
    cumulated /= cumulated[-1]
    slots = (np.arange(N) + rng.random()) / N
    return np.minimum(np.searchsorted(cumulated, slots), N - 1)


serve(f"NumPy {np.__version__}", "CPU, 1 thread", start, run)
