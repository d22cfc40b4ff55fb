"""The job of common.py in JAX, all steps in one compiled loop: seq 3 | python jax_annealed.py"""

import os

from common import LOG_Z0, START_SD, STEP, TILT, arguments, cpu_threads, serve

args = arguments(device=["cpu", "cuda"], rng=["threefry2x32", "rbg"])
os.environ["JAX_PLATFORMS"] = args.device
# The peers wait beside each other for their turns, so none may take all the memory of the GPU.
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"

import jax
import jax.numpy as jnp
from jax.random import normal

N, K = args.particles, args.steps
f32 = jnp.float32
inv_var = 1 / START_SD**2
# The faster one on each: a binary search per slot, or one sort of both arrays.
search = "scan" if args.device == "cpu" else "sort"


def step(carry, k):
    # One array per coordinate: XLA takes up to twice as long over one array of both.
    x, y, log_w, log_z, resamplings, key = carry
    key, key_slots, key_x, key_y = jax.random.split(key, 4)
    x2 = x * x
    target = 0.25 * x2 * x2 - 0.5 * x2 + 0.5 * y * y + TILT * x
    log_w = log_w - (target - 0.5 * inv_var * (x2 + y * y)) / K

    top = log_w.max()
    w = jnp.exp(log_w - top)
    total = w.sum()
    few = total * total / (w * w).sum() < N / 2

    def resample(state):
        x, y, log_w, log_z = state
        cumulated = jnp.cumsum(w)
        slots = (jnp.arange(N) + jax.random.uniform(key_slots)) / N
        ancestors = jnp.searchsorted(cumulated / cumulated[-1], slots, method=search)
        ancestors = jnp.clip(ancestors, 0, N - 1)
        return x[ancestors], y[ancestors], jnp.zeros_like(log_w), log_z + top + jnp.log(total / N)

    state = x, y, log_w, log_z
    x, y, log_w, log_z = jax.lax.cond(few, resample, lambda state: state, state)

    b = (k + 1) / K
    pull = (1 - b) * inv_var
    noise = (2 * STEP) ** 0.5
    x += noise * normal(key_x, (N,), f32) - STEP * (pull * x + b * (x * x * x - x + TILT))
    y += noise * normal(key_y, (N,), f32) - STEP * (pull + b) * y
    return (x, y, log_w, log_z, resamplings + few, key), None


@jax.jit
def sample(key, x, y):
    carry = x, y, jnp.zeros(N, f32), f32(0), jnp.int32(0), key
    (_, _, log_w, log_z, resamplings, _), _ = jax.lax.scan(step, carry, jnp.arange(K))
    top = log_w.max()
    return log_z + top + jnp.log(jnp.exp(log_w - top).mean()), resamplings


def start(seed):
    key, key_x, key_y = jax.random.split(jax.random.key(seed, impl=args.rng), 3)
    x, y = (START_SD * normal(key, (N,), f32) for key in (key_x, key_y))
    return jax.block_until_ready((key, x, y))


def run(state):
    log_z, resamplings = sample(*state)
    return LOG_Z0 + float(log_z), int(resamplings)


where = f"CPU, {cpu_threads()} threads"
if args.device == "cuda":
    where = jax.devices()[0].device_kind
serve(f"JAX {jax.__version__}, {args.rng}", where, start, run)
