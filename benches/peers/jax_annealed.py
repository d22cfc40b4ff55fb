"""The job of common.py in JAX, all steps in one compiled loop: seq 3 | python jax_annealed.py"""

import os

from common import LOG_Z0, START_SD, STEP, TILT, arguments, cpu_threads, serve

args = arguments(device=["cpu", "cuda"], rng=["threefry2x32", "rbg"])
os.environ["JAX_PLATFORMS"] = args.device
# The peers wait beside each other for their turns, so none may take all the memory of the GPU.
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"

import jax
import jax.numpy as jnp

N, K = args.particles, args.steps
f32 = jnp.float32
inv_var = 1 / START_SD**2
# The faster ways on each: a binary search per slot, or one sort of both arrays.
search = "scan" if args.device == "cpu" else "sort"


def step(carry, k):
    position, log_w, log_z, resamplings, key = carry
    key, key_slots, key_noise = jax.random.split(key, 3)
    x, y = position
    x2 = x * x
    target = 0.25 * x2 * x2 - 0.5 * x2 + 0.5 * y * y + TILT * x
    log_w = log_w - (target - 0.5 * inv_var * (x2 + y * y)) / K

    top = log_w.max()
    w = jnp.exp(log_w - top)
    total = w.sum()
    few = total * total / (w * w).sum() < N / 2

    def resample(state):
        position, log_w, log_z = state
        cumulated = jnp.cumsum(w)
        slots = (jnp.arange(N) + jax.random.uniform(key_slots)) / N
        ancestors = jnp.searchsorted(cumulated / cumulated[-1], slots, method=search)
        position = position[:, jnp.clip(ancestors, 0, N - 1)]
        return position, jnp.zeros_like(log_w), log_z + top + jnp.log(total / N)

    state = position, log_w, log_z
    position, log_w, log_z = jax.lax.cond(few, resample, lambda state: state, state)

    b = (k + 1) / K
    x, y = position
    pull = (1 - b) * inv_var
    slope = jnp.stack([pull * x + b * (x * x * x - x + TILT), (pull + b) * y])
    noise = jax.random.normal(key_noise, position.shape, dtype=f32)
    position = position - STEP * slope + (2 * STEP) ** 0.5 * noise
    return (position, log_w, log_z, resamplings + few, key), None


@jax.jit
def sample(key, position):
    carry = position, jnp.zeros(N, f32), f32(0), jnp.int32(0), key
    (_, log_w, log_z, resamplings, _), _ = jax.lax.scan(step, carry, jnp.arange(K))
    top = log_w.max()
    return log_z + top + jnp.log(jnp.exp(log_w - top).mean()), resamplings


def start(seed):
    key, key_start = jax.random.split(jax.random.key(seed, impl=args.rng))
    position = START_SD * jax.random.normal(key_start, (2, N), dtype=f32)
    return jax.block_until_ready((key, position))


def run(state):
    log_z, resamplings = sample(*state)
    return LOG_Z0 + float(log_z), int(resamplings)


where = f"CPU, {cpu_threads()} threads"
if args.device == "cuda":
    where = jax.devices()[0].device_kind
serve(f"JAX {jax.__version__}, {args.rng}", where, start, run)
