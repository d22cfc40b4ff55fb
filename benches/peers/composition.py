"""One case of benches/composition.rs in PyTorch, the way published code does it: the score of the
noised mixture by automatic differentiation, one step at a time, resampling on the host by the
cumulated weights when the effective sample size falls below N/2.

python composition.py DIM COMPONENTS MODELS PARTICLES STEPS
"""

import math
import sys
import time

import torch

DIM, COMPONENTS, MODELS, PARTICLES, STEPS = map(int, sys.argv[1:])
BETA_MIN, BETA_MAX, LAST = 0.1, 20.0, 1e-3


def means(model):
    rows = [[8 * math.sin(7 * k + 3 * j + 5 * model) for j in range(DIM)] for k in range(COMPONENTS)]
    return torch.tensor(rows)


MEANS = [means(m) for m in range(MODELS)]


def log_density(x, model, alpha, variance):
    """log q of the noised mixture at x (N, dim), as (N,)."""
    squares = ((x[:, None] - alpha * MEANS[model]) ** 2).sum(-1)
    spread = alpha**2 * 0.25 + variance
    logs = -0.5 * squares / spread - 0.5 * DIM * math.log(2 * math.pi * spread)
    return torch.logsumexp(logs, 1) - math.log(COMPONENTS)


def score(x, model, alpha, variance):
    """log q and its gradient, by automatic differentiation."""
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        value = log_density(x, model, alpha, variance)
        (slope,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), slope


def run():
    x = torch.randn(PARTICLES, DIM) / math.sqrt(2 if MODELS == 1 else 1)
    log_w = torch.zeros(PARTICLES)
    h = (1 - LAST) / STEPS
    for k in range(STEPS):
        tau = 1 - k * h
        beta = BETA_MIN + (BETA_MAX - BETA_MIN) * tau
        turns = 0.5 * tau * (BETA_MIN + beta)
        alpha, variance = math.exp(-0.5 * turns), -math.expm1(-turns)
        known = [score(x, m, alpha, variance) for m in range(MODELS)]
        if MODELS == 1:
            s = known[0][1]
            total = 2 * s
            psi = -0.5 * DIM * beta + beta * (s * s).sum(1)
        else:
            (l1, s1), (l2, s2) = known
            w = torch.sigmoid(0.5 * (l1 - l2))
            total = w[:, None] * s1 + (1 - w)[:, None] * s2
            psi = -0.25 * beta * w * (1 - w) * ((s1 - s2) ** 2).sum(1)
        noise = torch.randn_like(x)
        x = x + h * (0.5 * beta * x + beta * total) + math.sqrt(beta * h) * noise
        log_w = log_w + h * psi
        weights = torch.softmax(log_w, 0)
        if 1 / (weights * weights).sum() < 0.5 * PARTICLES:
            places = (torch.arange(PARTICLES) + torch.rand(1)) / PARTICLES
            ancestors = torch.searchsorted(torch.cumsum(weights, 0), places)
            x = x[ancestors.clamp(max=PARTICLES - 1)]
            log_w = torch.zeros(PARTICLES)
    return x, log_w


start = (time.perf_counter(), time.process_time())
run()
per = PARTICLES * STEPS / 1e9
wall, cpu = (time.perf_counter() - start[0]) / per, (time.process_time() - start[1]) / per
print(f"PyTorch {torch.__version__.split('+')[0]};{wall};{cpu}")
