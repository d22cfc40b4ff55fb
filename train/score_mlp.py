#!/usr/bin/env python3
"""Trains a score network on samples of a Gaussian mixture and writes it for wfr.

Denoising score matching (Vincent 2011) by noise prediction: the mean of w (s score(x, τ) + ε)² at
x = a x_0 ± s ε. Both signs of each ε are in a batch: at low noise the regression's target −ε/s is
nearly all noise, and the pair cancels its odd part. τ is log-uniform and stratified, so that low
noise is seen as often as high noise. The weight w ∝ 1 + a/s lies between that of an error of the
noise, 1, and that of a relative error of the score, which at low noise is 1/s².
"""

import argparse
import json
import math
import pathlib
import shlex
import sys

import mixture
import mlp
import noise
import numpy as np
import tensors

# Adam's constants (Kingma & Ba 2015) but the step, which warms up and then falls as a cosine.
FIRST_DECAY, SECOND_DECAY, TINY = 0.9, 0.999, 1e-8
WARM_UP = 0.02
# The lowest τ that is trained on a schedule that begins without noise, as a share of its time.
LOWEST_TIME = 1e-3
ERROR_SAMPLES = 20_000


class Trainer:
    """Parameters, their running mean, and Adam's moments, each as one flat vector."""

    def __init__(self, config, depth, data, options):
        self.config, self.data, self.options = config, data, options
        self.rng = np.random.default_rng(options.seed)
        self.network = mlp.of_config(config, depth)
        self.flat = mlp.initial(self.network, self.rng)
        self.mean, self.slope = self.flat.copy(), np.zeros_like(self.flat)
        self.first, self.second = np.zeros_like(self.flat), np.zeros_like(self.flat)

    def run(self, report):
        """Trains; returns the loss, averaged over the last tenth of the steps."""
        steps = self.options.steps
        tenth = max(1, steps // 10)
        losses = np.zeros(steps)
        for step in range(steps):
            losses[step] = self.step(step)
            done = step + 1
            if done % tenth == 0:
                report(f"step {done}: loss {losses[done - tenth : done].mean():.5f}")
        return float(losses[-tenth:].mean())

    def step(self, step):
        """One step of Adam on a fresh batch; returns the batch's loss."""
        batch = draw(self.rng, self.data, self.config, self.options.batch)
        p, g = mlp.views(self.network, self.flat), mlp.views(self.network, self.slope)
        value = loss(self.network, self.config, p, batch, g)
        self.first += (1 - FIRST_DECAY) * (self.slope - self.first)
        self.second += (1 - SECOND_DECAY) * (self.slope**2 - self.second)
        rate = self.options.rate * schedule_of_rate(step / self.options.steps)
        correction = math.sqrt(1 - SECOND_DECAY ** (step + 1)) / (1 - FIRST_DECAY ** (step + 1))
        self.flat -= rate * correction * self.first / (np.sqrt(self.second) + TINY)
        # Early on the mean is over the steps so far, so that it forgets where they began.
        decay = min(self.options.average, (1 + step) / (10 + step))
        self.mean += (1 - decay) * (self.flat - self.mean)
        return value


def schedule_of_rate(progress):
    """The factor of the learning rate: up in a line, then down as a half cosine, to 0."""
    return min(progress / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * progress))


def trained_range(schedule):
    """The lowest and the highest τ that are trained."""
    low, high = noise.ends(schedule)
    return low or LOWEST_TIME * high, high


def draw(rng, data, config, count):
    """(x [n, d], ε [n, d], a [n], s [n], τ [n]) at x = a x_0 + s ε, with both signs of each ε."""
    half = count // 2
    low, high = trained_range(config["schedule"])
    places = (np.arange(half) + rng.random(half)) / half
    tau = np.tile(low * (high / low) ** places, 2)
    a, s = noise.levels(config["schedule"], tau)
    start = np.tile(data.sample(rng, half), (2, 1))
    epsilon = rng.standard_normal((half, data.dim))
    epsilon = np.concatenate([epsilon, -epsilon])
    return a[:, None] * start + s[:, None] * epsilon, epsilon, a, s, tau


def loss(network, config, p, batch, g):
    """The weighted mean of (s score + ε)² over batch and coordinates; its gradient goes into `g`.

    Weights have the mean 1, so that the loss of no score at all is about 1.
    """
    dtype = next(iter(p.values())).dtype
    x, epsilon, a, s, tau = batch
    scale_in, scale_out, skip = (c[:, None] for c in noise.scales(config, a, s))
    e = noise.embedding(config, a, s, tau).astype(dtype)
    out, tape = network.forward(p, (scale_in * x).astype(dtype), e)
    gain = s[:, None] * scale_out
    residual = gain * out + s[:, None] * skip * x + epsilon
    weight = (1 + a / s)[:, None]
    weight /= weight.mean()
    network.backward(p, tape, (2 / residual.size * weight * gain * residual).astype(dtype), g)
    return float(np.mean(weight * residual**2))


def score(network, config, p, x, tau):
    """The network's score at `x` [n, d] and one level τ, as wfr reads the file."""
    tau = np.full(len(x), tau)
    a, s = noise.levels(config["schedule"], tau)
    scale_in, scale_out, skip = (c[:, None] for c in noise.scales(config, a, s))
    dtype = next(iter(p.values())).dtype
    e = noise.embedding(config, a, s, tau).astype(dtype)
    return scale_out * network.forward(p, (scale_in * x).astype(dtype), e)[0] + skip * x


def relative_errors(network, config, p, data):
    """At several τ: the root of E |score − exact|² over E |exact|², under the exact law at τ."""
    low, high = trained_range(config["schedule"])
    rng = np.random.default_rng(0)
    errors = {}
    for tau in np.geomspace(low, high, round(2 * math.log10(high / low)) + 1):
        a, s = noise.levels(config["schedule"], tau)
        start = data.sample(rng, ERROR_SAMPLES)
        x = a * start + s * rng.standard_normal(start.shape)
        exact = data.score(x, a, s)
        wrong = score(network, config, p, x, tau) - exact
        errors[f"{tau:.3g}"] = float(f"{math.sqrt(np.mean(wrong**2) / np.mean(exact**2)):.3g}")
    return errors


def configuration(options, data):
    """What the file says about the network, and is read from it again."""
    config = {
        "dim": data.dim,
        "hidden": options.hidden,
        "activation": options.activation,
        "architecture": options.architecture,
        "prediction": options.prediction,
        "schedule": schedule(options),
        "time_embedding": {
            "kind": "fourier",
            "input": options.embedding,
            "frequencies": options.frequencies,
        },
        "input_scale": options.input_scale,
    }
    if options.prediction == "denoiser":
        config["sigma_data"] = round(data.standard_deviation(), 4)
    return config


def schedule(options):
    """The noise schedule in the words of the file."""
    if options.schedule == "ve":
        return {"kind": "ve", "sigma_min": options.sigma_min, "sigma_max": options.sigma_max}
    betas = {"beta_min": options.beta_min, "beta_max": options.beta_max}
    return {"kind": options.schedule, **betas, "time": 1.0}


def save(path, config, network, flat, training):
    """Writes a network and how it was trained."""
    metadata = {
        "wfr.kind": "score-mlp",
        "wfr.version": "1",
        "wfr.config": json.dumps(config),
        "wfr.training": json.dumps(training),
    }
    tensors.save(path, mlp.views(network, flat), metadata)


def load(path):
    """(config, network, its tensors by name, training) of a file that `save` wrote."""
    p, metadata = tensors.load(path)
    config = json.loads(metadata["wfr.config"])
    depth = sum(name.endswith(".weight") and name.startswith(("blocks", "net")) for name in p)
    depth = depth // 3 if config["architecture"] == "residual" else depth - 1
    return config, mlp.of_config(config, depth), p, json.loads(metadata["wfr.training"])


def parser():
    """The command line."""
    line = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    line.add_argument("mixture", help="text: `weight mean_1 … mean_d scale` a line")
    line.add_argument("output", help="the safetensors file to write")
    line.add_argument("--dim", type=positive, help="dimension, where the columns leave it open")
    choice(line, "--architecture", mlp.ARCHITECTURES, "residual")
    line.add_argument("--hidden", type=positive, default=64, help="width (default 64)")
    line.add_argument("--depth", type=positive, default=3, help="blocks or layers (default 3)")
    choice(line, "--activation", mlp.ACTIVATIONS, "silu")
    choice(line, "--prediction", noise.PREDICTIONS, "noise")
    choice(line, "--input-scale", ("none", "unit"), "none")
    choice(line, "--schedule", ("vp", "sub-vp", "ve"), "vp")
    bounds = {"beta-min": 0.1, "beta-max": 20.0, "sigma-min": 0.01, "sigma-max": 20.0}
    for name, value in bounds.items():
        line.add_argument(f"--{name}", type=above_zero, default=value, help=f"(default {value})")
    choice(line, "--embedding", ("time", "log_sigma", "log_sigma/4"), "log_sigma")
    line.add_argument(
        "--frequencies", type=above_zero, nargs="+", metavar="F",
        default=[0.125, 0.25, 0.5, 1.0, 2.0], help="of the time's features (default: 1/8 … 2)",
    )
    line.add_argument("--steps", type=positive, default=100_000, help="(default 100000)")
    line.add_argument("--batch", type=positive, default=1024, help="even (default 1024)")
    line.add_argument("--rate", type=above_zero, default=2e-3, help="of Adam (default 0.002)")
    line.add_argument(
        "--average", type=below_one, default=0.999, help="the weights' mean's decay (default 0.999)"
    )
    line.add_argument("--seed", type=int, default=1, help="(default 1)")
    return line


def choice(line, name, values, default):
    """An option that takes one of some words."""
    line.add_argument(name, choices=list(values), default=default, help=f"(default {default})")


def positive(text):
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def above_zero(text):
    """A finite number above 0."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0")
    return value


def below_one(text):
    """A number from 0 to below 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to below 1")
    return value


def check(options):
    """What is wrong with the options, as a sentence, or nothing."""
    folder = pathlib.Path(options.output).parent
    if not folder.is_dir():
        return f"{options.output}: there is no folder {folder}; make it first"
    if options.batch % 2:
        return f"--batch {options.batch} is odd; noise comes in pairs of both signs"
    if options.seed < 0:
        return f"--seed {options.seed} is below 0"
    if options.prediction == "v" and options.schedule != "vp":
        return f"--prediction v is defined on the schedule vp, not on {options.schedule}"
    if options.prediction == "denoiser" and options.input_scale == "unit":
        return "--prediction denoiser has its own input scale; leave out --input-scale"
    if options.schedule == "ve" and options.sigma_min >= options.sigma_max:
        return f"--sigma-min {options.sigma_min} is not below --sigma-max {options.sigma_max}"
    if options.schedule != "ve" and options.beta_min > options.beta_max:
        return f"--beta-min {options.beta_min} is above --beta-max {options.beta_max}"
    return None


def main(arguments):
    """Trains, writes and reports."""
    line = parser()
    options = line.parse_args(arguments)
    wrong = check(options)
    if wrong:
        line.error(wrong)
    try:
        data = mixture.read(options.mixture, options.dim)
    except (OSError, ValueError) as error:
        line.error(str(error))
    config = configuration(options, data)
    trainer = Trainer(config, options.depth, data, options)
    final = trainer.run(lambda text: print(text, flush=True))
    p = mlp.views(trainer.network, trainer.mean)
    errors = relative_errors(trainer.network, config, p, data)
    training = {
        "command": shlex.join(["train/score_mlp.py", *arguments]),
        "steps": options.steps,
        "batch": options.batch,
        "seed": options.seed,
        "final_loss": round(final, 6),
        "relative_score_errors": errors,
        "numpy": np.__version__,
    }
    try:
        save(options.output, config, trainer.network, trainer.mean, training)
    except OSError as error:
        line.error(str(error))
    print("relative score error at tau:")
    for tau, error in errors.items():
        print(f"  {tau:>8}  {error:.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
