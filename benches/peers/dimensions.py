"""What a step costs in many dimensions, beside JAX and NumPy: python dimensions.py

Needs wfr in WFR and the packages of requirements.txt; `benches/peers/run --dimensions` has both. The
programs take turns dimension by dimension: the double well of `wfr bench --dimensions`, annealed from
N(0, 2^2 I), Euler's step and the annealing weight, no resampling; wfr's row has the kernel-ratio weights
that it takes by default, which cost two scores more in arithmetic.
"""

import json
import math
import os
import subprocess
import time
from statistics import median

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np

COORDINATES, STEPS, STEP, SD, REPEATS = 1 << 19, 64, 0.02, 2.0, 5


def energy_and_slopes(x, numbers):
    """The target's and the start's energy and slope, rows of x are coordinates."""
    first = x[0]
    square = first * first
    target = 0.25 * square * square - 0.5 * square + 0.25 * first + 0.5 * (x[1:] ** 2).sum(0)
    # XLA fuses a choice, but no concatenation.
    is_first = (numbers.arange(len(x)) == 0)[:, None]
    slope = numbers.where(is_first, first * square - first + 0.25, x)
    return target, slope, 0.5 / SD**2 * (x * x).sum(0), x / SD**2


def step(x, log_w, b, noise, numbers):
    target, slope, start, start_slope = energy_and_slopes(x, numbers)
    log_w = log_w - (target - start) / STEPS
    drift = (1 - b) * start_slope + b * slope
    return x - STEP * drift + math.sqrt(2 * STEP) * noise, log_w


def jax_run(dim, n):
    @jax.jit
    def sample(key, x):
        def one(carry, k):
            x, log_w, key = carry
            key, own = jax.random.split(key)
            noise = jax.random.normal(own, (dim, n), jnp.float32)
            x, log_w = step(x, log_w, (k + 1) / STEPS, noise, jnp)
            return (x, log_w, key), None

        return jax.lax.scan(one, (x, jnp.zeros(n), key), jnp.arange(STEPS))[0][:2]

    x = SD * jax.random.normal(jax.random.key(0), (dim, n), jnp.float32)
    return lambda seed: jax.block_until_ready(sample(jax.random.key(seed), x))


def numpy_run(dim, n):
    def sample(seed):
        rng = np.random.default_rng(seed)
        x = np.float32(SD) * rng.standard_normal((dim, n), dtype=np.float32)
        log_w = np.zeros(n, np.float32)
        for k in range(STEPS):
            noise = rng.standard_normal((dim, n), dtype=np.float32)
            x, log_w = step(x, log_w, np.float32((k + 1) / STEPS), noise, np)
            x, log_w = x.astype(np.float32), log_w.astype(np.float32)

    return sample


def nanoseconds(run, dim, n):
    """Processor time per particle, step and coordinate."""
    run(0)
    times = []
    for seed in range(REPEATS):
        began = time.process_time()
        run(seed)
        times.append(time.process_time() - began)
    return 1e9 * median(times) / (n * STEPS * dim)


def main():
    command = [os.environ["WFR"], "bench", "--dimensions", "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    ways = {}
    for row in report["rows"]:
        ways.setdefault(row["density"], {})[row["dim"]] = row
    print("# A step in many dimensions\n\n`benches/peers/run --dimensions`,")
    print(f"wfr {report['version']} on {report['adapter']}, driver {report['driver']};")
    print(f"JAX {jax.__version__}, NumPy {np.__version__}, {time.strftime('%Y-%m-%d')}.\n")
    names = list(ways)
    print("| d | N |", *(f"{name} | set-up s |" for name in names), "JAX | NumPy |")
    print("| ---: | ---: |", *("---: | ---: |" for _ in names), "---: | ---: |")
    for dim in ways[names[0]]:
        n = COORDINATES // dim
        cells = [str(dim), f"{n:,}"]
        for name in names:
            row = ways[name][dim]
            cells += [f"{row['cpu_ns'] / dim:.3g}", f"{row['setup_cpu_s']:.3g}"]
        cells += [f"{nanoseconds(run(dim, n), dim, n):.3g}" for run in (jax_run, numpy_run)]
        print("|", " | ".join(cells), "|", flush=True)
    print("\nProcessor nanoseconds per particle, step and coordinate, medians of 5; the set-up compiles.")
    print("wfr: kernel-ratio weights, a test of the effective sample size every 16 steps. JAX and NumPy:")
    print("Euler's step with the annealing weight, no test.")


main()
