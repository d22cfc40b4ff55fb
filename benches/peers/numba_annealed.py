"""The job of common.py in Numba, on all threads: seq 3 | python numba_annealed.py

Two passes over the particles a step: one moves them and adds to their weights, one sums.
"""

import math
import os

# Threads that spin at the end of a loop take the core that the slower ones wait for.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numba
import numpy as np
from common import LOG_Z0, START_SD, STEP, TILT, arguments, serve
from numba import njit, prange

args = arguments()
N, K = args.particles, args.steps
# Each part of the particles has its own random stream.
PARTS = 64
CUTS = np.linspace(0, N, PARTS + 1).astype(np.int64)

f32 = np.float32
QUARTER, HALF, ONE, TWO = f32(0.25), f32(0.5), f32(1), f32(2)
INV_VAR, SLOPE = f32(1 / START_SD**2), f32(TILT)
H, NOISE = f32(STEP), f32(math.sqrt(2 * STEP))
UNIT, TURN = f32(2.0**-24), f32(2 * math.pi)


@njit(inline="always")
def excess(x, y):
    """V - U_0, the annealing path's energy difference."""
    x2 = x * x
    target = QUARTER * x2 * x2 - HALF * x2 + HALF * y * y + SLOPE * x
    return target - HALF * INV_VAR * (x2 + y * y)


@njit(inline="always")
def rotate(x, k):
    return (x << np.uint64(k)) | (x >> np.uint64(64 - k))


@njit(parallel=True, fastmath=True)
def weigh(position, log_w, db):
    for i in prange(N):
        log_w[i] = -db * excess(position[0, i], position[1, i])
    return log_w.max()


@njit(parallel=True, fastmath=True)
def move_and_weigh(position, log_w, streams, b, db):
    """Moves towards exp(-U_b) and weighs the way to b + db; returns the largest log weight."""
    tops = np.empty(PARTS, np.float32)
    pull = (ONE - b) * INV_VAR
    for part in prange(PARTS):
        s0, s1 = streams[part, 0], streams[part, 1]
        top = f32(-1e30)
        for i in range(CUTS[part], CUTS[part + 1]):
            # xoroshiro128+, and two normals from one word by Box and Muller.
            word, t = s0 + s1, s0 ^ s1
            s0 = rotate(s0, 24) ^ t ^ (t << np.uint64(16))
            s1 = rotate(t, 37)
            u = (f32(word >> np.uint64(40)) + ONE) * UNIT
            angle = TURN * (f32((word >> np.uint64(8)) & np.uint64(0xFFFFFF)) * UNIT)
            radius = NOISE * np.sqrt(-TWO * np.log(u))
            x, y = position[0, i], position[1, i]
            x += radius * np.cos(angle) - H * (pull * x + b * (x * x * x - x + SLOPE))
            y += radius * np.sin(angle) - H * (pull + b) * y
            position[0, i], position[1, i] = x, y
            log_w[i] -= db * excess(x, y)
            top = max(top, log_w[i])
        streams[part, 0], streams[part, 1] = s0, s1
        tops[part] = top
    return tops.max()


@njit(parallel=True, fastmath=True)
def sums(log_w, w, top):
    """The weights, and each part's sum of them and of their squares."""
    first, second = np.empty(PARTS), np.empty(PARTS)
    for part in prange(PARTS):
        a = b = 0.0
        for i in range(CUTS[part], CUTS[part + 1]):
            v = np.exp(log_w[i] - top)
            w[i] = v
            a += v
            b += v * v
        first[part], second[part] = a, b
    return first, second


@njit(parallel=True, fastmath=True)
def resample(position, resampled, w, log_w, totals, u):
    """Systematic resampling: each part fills the slots that its own weights reach."""
    ends = np.cumsum(totals)
    for part in prange(PARTS):
        mass = ends[part] - totals[part]
        slot = max(0, int(np.ceil(mass / ends[-1] * N - u)))
        for i in range(CUTS[part], CUTS[part + 1]):
            mass += w[i]
            end = min(N, int(np.ceil(mass / ends[-1] * N - u)))
            if i == N - 1:
                end = N
            while slot < end:
                resampled[0, slot], resampled[1, slot] = position[0, i], position[1, i]
                slot += 1
            log_w[i] = 0


def start(seed):
    rng = np.random.default_rng(seed)
    streams = rng.integers(1, 2**63, size=(PARTS, 2), dtype=np.uint64)
    return rng, streams, rng.standard_normal((2, N), dtype=f32) * f32(START_SD)


def run(state):
    rng, streams, position = state
    spare = np.empty_like(position)
    log_w, w = np.empty(N, f32), np.empty(N, f32)
    log_z, resamplings = LOG_Z0, 0
    top = weigh(position, log_w, f32(1 / K))
    for k in range(K):
        first, second = sums(log_w, w, top)
        total = first.sum()
        if total * total / second.sum() < N / 2:
            log_z += float(top) + math.log(total / N)
            resample(position, spare, w, log_w, first, rng.random())
            position, spare = spare, position
            resamplings += 1
        db = f32(1 / K if k + 1 < K else 0)
        top = move_and_weigh(position, log_w, streams, f32((k + 1) / K), db)
    total = sums(log_w, w, top)[0].sum()
    return log_z + float(top) + math.log(total / N), resamplings


threads = numba.get_num_threads()
serve(f"Numba {numba.__version__}", f"CPU, {threads} threads", start, run)
