"""The job that wfr and its peers do, its exact answer, and how a peer is asked to do it.

Particles move from the normal law q0 = N(0, 5^2 I) to the double well exp(-V) in two dimensions,

    V(x, y) = x^4/4 - x^2/2 + y^2/2 + 0.25 x,

along exp(-U_b) with U_b = (1 - b) U_0 + b V, U_0 = (x^2 + y^2) / 50. Step k = 0, 1, ... of K:

 1. log w -= (V - U_0) / K at the current place, the annealing weight from b = k/K to (k + 1)/K;
 2. when the effective sample size is below N/2: systematic resampling, and log w = 0;
 3. x -= h grad U_b, x += sqrt(2 h) xi, with b = (k + 1)/K and xi ~ N(0, I).

The weights tell log Z, Z = the integral of exp(-V), with a bias of order h from step 3.
"""

import argparse
import json
import math
import os
import sys
import time

import numpy as np

TILT = 0.25
START_SD = 5.0
STEP = 0.02
# log of the integral of exp(-U_0), which the weights compare the target with.
LOG_Z0 = math.log(2 * math.pi * START_SD**2)


def exact_log_z():
    """log of the integral of exp(-V), by quadrature."""
    x = np.linspace(-8, 8, 400001)
    density = np.exp(-(x**4 / 4 - x**2 / 2 + TILT * x))
    return math.log(density.sum() * (x[1] - x[0])) + 0.5 * math.log(2 * math.pi)


def arguments(**options):
    """Parses the size of the job, and the peer's own options given as name = list of choices."""
    parser = argparse.ArgumentParser(epilog="Reads seeds, one a line; writes JSON, one a line.")
    parser.add_argument("--particles", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--steps", type=int, default=200)
    for name, choices in options.items():
        parser.add_argument(f"--{name}", choices=choices, default=choices[0])
    return parser.parse_args()


def serve(tool, device, start, run):
    """Does the job once for each seed that stands on a line of standard input.

    `start(seed)` draws the particles, `run(state)` is the sampling loop, which alone is timed; it
    returns log Z and the number of resamplings when all work is finished. The first run, which
    compiles, is not counted. Being asked line by line lets the peers take turns.
    """
    began = time.perf_counter()
    run(start(0))
    report(tool=tool, device=device, first_run_s=time.perf_counter() - began)
    for line in sys.stdin:
        state = start(int(line))
        wall, cpu = time.perf_counter(), time.process_time()
        log_z, resamplings = run(state)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        report(log_normalizer=log_z, elapsed_s=wall, cpu_s=cpu, resamplings=resamplings)


def cpu_threads():
    """How many threads this process may run at once; taskset lowers it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def report(**record):
    print(json.dumps(record), flush=True)
