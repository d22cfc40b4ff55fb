"""The job of common.py in PyTorch: seq 3 | python torch_annealed.py --device cuda"""

import math

import torch
from common import LOG_Z0, START_SD, STEP, TILT, arguments, serve

args = arguments(device=["cpu", "cuda"], mode=["compile", "eager"])
N, K = args.particles, args.steps
device = torch.device(args.device)
inv_var = 1 / START_SD**2
torch.set_grad_enabled(False)


def weigh(position, log_w):
    x, y = position
    x2 = x * x
    target = 0.25 * x2 * x2 - 0.5 * x2 + 0.5 * y * y + TILT * x
    log_w = log_w - (target - 0.5 * inv_var * (x2 + y * y)) / K
    top = log_w.max()
    w = torch.exp(log_w - top)
    return log_w, w, torch.stack([top, w.sum(), (w * w).sum()])


def move(position, noise, b):
    x, y = position
    pull = (1 - b) * inv_var
    slope = torch.stack([pull * x + b * (x * x * x - x + TILT), (pull + b) * y])
    return position - STEP * slope + (2 * STEP) ** 0.5 * noise


def systematic(w, u):
    cumulated = torch.cumsum(w, 0, dtype=torch.float64)
    slots = (torch.arange(N, device=device, dtype=torch.float64) + u) / N
    return torch.searchsorted(cumulated / cumulated[-1], slots).clamp_(max=N - 1)


if args.mode == "compile":
    weigh, move = torch.compile(weigh), torch.compile(move)


def finish():
    if device.type == "cuda":
        torch.cuda.synchronize()


def start(seed):
    rng = torch.Generator(device).manual_seed(seed)
    position = START_SD * torch.randn((2, N), generator=rng, device=device)
    finish()
    return rng, position


def run(state):
    rng, position = state
    log_w = torch.zeros(N, device=device)
    log_z, resamplings = LOG_Z0, 0
    # On the device from the start, so that no step waits for a copy of its number.
    path = torch.arange(1, K + 1, device=device) / K
    for k in range(K):
        log_w, w, numbers = weigh(position, log_w)
        # The host's decision, for which it waits once a step.
        top, total, squares = numbers.tolist()
        if total * total / squares < N / 2:
            log_z += top + math.log(total / N)
            u = torch.rand((), generator=rng, device=device, dtype=torch.float64)
            position = position[:, systematic(w, u)]
            log_w = torch.zeros_like(log_w)
            resamplings += 1
        noise = torch.randn((2, N), generator=rng, device=device)
        position = move(position, noise, path[k])
    top = log_w.max()
    log_z += (top + torch.exp(log_w - top).mean().log()).item()
    finish()
    return log_z, resamplings


where = f"CPU, {torch.get_num_threads()} threads"
if device.type == "cuda":
    where = torch.cuda.get_device_name()
serve(f"PyTorch {torch.__version__}, {args.mode}", where, start, run)
