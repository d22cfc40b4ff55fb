"""Noise schedules x_τ = a(τ) x_0 + s(τ) ε, and what a network's output means on them.

Song et al. 2021 (arXiv 2011.13456) for the schedules; Salimans & Ho 2022 (arXiv 2202.00512) for
v-prediction; Karras et al. 2022 (arXiv 2206.00364, table 1) for the preconditioned denoiser.
"""

import numpy as np

PREDICTIONS = ("score", "noise", "v", "denoiser")


def levels(schedule, tau):
    """a(τ) and s(τ), of the shape of `tau`."""
    if schedule["kind"] == "ve":
        return np.ones_like(tau), tau
    low, high, time = schedule["beta_min"], schedule["beta_max"], schedule["time"]
    total = low * tau + (high - low) * tau**2 / (2 * time)
    a = np.exp(-total / 2)
    variance = -np.expm1(-total)
    return a, np.sqrt(variance) if schedule["kind"] == "vp" else variance


def ends(schedule):
    """The lowest and the highest τ on the schedule; a VP schedule begins at no noise, τ = 0."""
    if schedule["kind"] == "ve":
        return schedule["sigma_min"], schedule["sigma_max"]
    return 0.0, schedule["time"]


def embedding(config, a, s, tau):
    """The time's Fourier features [batch, 2 F]: sines, then cosines. `a`, `s`, `tau`: [batch]."""
    kind = config["time_embedding"]["input"]
    u = tau if kind == "time" else np.log(s / a) / (4 if kind == "log_sigma/4" else 1)
    phases = u[:, None] * np.asarray(config["time_embedding"]["frequencies"])
    return np.concatenate([np.sin(phases), np.cos(phases)], axis=1)


def scales(config, a, s):
    """(in, out, skip), each [batch], with score = out F(in x, e) + skip x."""
    one = np.ones_like(a)
    unit = 1 / np.sqrt(a**2 + s**2) if config.get("input_scale") == "unit" else one
    prediction = config["prediction"]
    if prediction == "score":
        return unit, one, 0 * one
    if prediction == "noise":
        return unit, -1 / s, 0 * one
    if prediction == "v":
        return unit, -a / s, -one
    # (a D − x) / s² for D = c_skip x/a + c_out F(c_in x/a), with the differences taken by hand.
    data = config["sigma_data"]
    norm = np.sqrt(s**2 + (a * data) ** 2)
    return 1 / norm, a * data / (s * norm), -1 / norm**2
