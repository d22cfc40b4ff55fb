"""The network of benches/network.rs in JAX: HIDDEN DIM DEPTH DIRECTIONS POINTS -> points a second of
one core's time.

Random weights, SiLU, linear layers of [x; e]; directions are derivatives by jax.jvp, all along
with the score, as the kernel does them. The run that compiles does not count.
"""

import os
import sys
import time

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np

hidden, dim, depth, directions, points = map(int, sys.argv[1:])
FEATURES = 4
rng = np.random.default_rng(1)
widths = [dim + FEATURES] + depth * [hidden] + [dim]
layers = [
    (jnp.asarray(rng.normal(size=(a, b)) / a**0.5, jnp.float32), jnp.zeros(b, jnp.float32))
    for a, b in zip(widths, widths[1:])
]
# The features of time are one vector for all points: folded into the first bias.
(weight, bias), *rest = layers
layers = [(weight[:dim], bias + jnp.ones(FEATURES) @ weight[dim:]), *rest]


def score(x):
    """The score of points [n, dim]."""
    for weight, bias in layers[:-1]:
        x = jax.nn.silu(x @ weight + bias)
    weight, bias = layers[-1]
    return -(x @ weight + bias)


@jax.jit
def evaluate(x, v):
    """The score, and the sum of v . J v over the directions v [directions, n, dim]."""
    if directions == 0:
        return score(x)
    value, push = jax.linearize(score, x)
    return value, sum((v[k] * push(v[k])).sum(axis=1) for k in range(directions))


x = jnp.asarray(rng.normal(size=(points, dim)), jnp.float32)
v = jnp.asarray(rng.choice([-1.0, 1.0], size=(directions, points, dim)), jnp.float32)
jax.block_until_ready(evaluate(x, v))
# As the benchmark beside it: time of the processor, so that other programs count little.
began, count = time.process_time(), 0
while time.process_time() - began < 0.5:
    jax.block_until_ready(evaluate(x, v))
    count += 1
print(points * count / (time.process_time() - began))
