"""The log evidence and the posterior means of the eight schools, exact by quadrature; NumPy only.

    python3 reference.py    # writes reference.json

Given tau, everything is Gaussian: y_j ~ N(mu, v_j) with v_j = sigma_j^2 + tau^2 and mu ~ N(0, 5^2),
so that mu and the theta_j integrate out in closed form and an integral over log tau remains. The
check is the integral over mu and log tau on a grid, with only the theta_j in closed form.
"""

import datetime
import json
import math

import numpy as np

MU_SD, TAU_SCALE = 5.0, 5.0
y, sigma = np.loadtxt("schools.csv", delimiter=",", skiprows=1, unpack=True)
LOG_2_PI = math.log(2.0 * math.pi)


def log_normal(x, variance):
    return -0.5 * (x**2 / variance + np.log(variance) + LOG_2_PI)


def log_prior(z):
    """Of z = log tau, where tau is half-Cauchy."""
    return math.log(2.0 / (math.pi * TAU_SCALE)) - np.log1p((np.exp(z) / TAU_SCALE) ** 2) + z


def averages(log_weight, spacing, values):
    """The log integral of exp(log_weight) on a grid, and the averages of `values` under it."""
    peak = log_weight.max()
    weight = np.exp(log_weight - peak)
    total = weight.sum()
    return (
        peak + math.log(total * spacing),
        {name: float((weight * value).sum() / total) for name, value in values.items()},
    )


def over_tau(points):
    """The trapezium rule on a line converges faster than any power: the ends vanish."""
    z, spacing = np.linspace(-30.0, 30.0, points, retstep=True)
    tau = np.exp(z)
    v = sigma**2 + tau[:, None] ** 2
    # mu given tau.
    precision = 1.0 / MU_SD**2 + (1.0 / v).sum(axis=1)
    mu = (y / v).sum(axis=1) / precision
    # p(y | tau) = p(y | mu) p(mu) / p(mu | y) at mu = its mean.
    log_weight = (
        log_prior(z)
        + log_normal(y - mu[:, None], v).sum(axis=1)
        + log_normal(mu, MU_SD**2)
        + 0.5 * (LOG_2_PI - np.log(precision))
    )
    shrink = (tau**2)[:, None] / v
    theta = mu[:, None] + shrink * (y - mu[:, None])
    mu_square = mu**2 + 1.0 / precision
    values = {"mu": mu, "mu^2": mu_square, "tau": tau, "log_tau": z, "log_tau^2": z**2}
    values |= {f"theta_{j + 1}": theta[:, j] for j in range(len(y))}
    return averages(log_weight, spacing, values)


def over_mu_and_tau(mus, points):
    z, dz = np.linspace(-30.0, 30.0, points, retstep=True)
    mu, dmu = np.linspace(-60.0, 60.0, mus, retstep=True)
    tau = np.exp(z)
    z, tau, mu = z[:, None], tau[:, None], mu[None, :]
    log_weight = log_prior(z) + log_normal(mu, MU_SD**2)
    values = {"mu": mu, "mu^2": mu**2, "tau": tau, "log_tau": z, "log_tau^2": z**2}
    for j in range(len(y)):
        v = sigma[j] ** 2 + tau**2
        log_weight = log_weight + log_normal(y[j] - mu, v)
        values[f"theta_{j + 1}"] = mu + tau**2 / v * (y[j] - mu)
    return averages(log_weight, dz * dmu, values)


log_evidence, mean = over_tau(60001)
for other_log_evidence, other in [over_tau(6001), over_mu_and_tau(1201, 3001)]:
    assert abs(other_log_evidence - log_evidence) < 1e-9
    assert all(abs(other[name] - mean[name]) < 1e-7 for name in mean)

sd = {name: math.sqrt(mean.pop(name + "^2") - mean[name] ** 2) for name in ["mu", "log_tau"]}
result = {
    "model": "y_j ~ N(mu + tau eta_j, sigma_j^2), eta_j ~ N(0, 1), mu ~ N(0, 5^2), "
    "tau ~ half-Cauchy(5)",
    "log_evidence": log_evidence,
    "mean": mean,
    "sd": sd,
    "method": "trapezium rule over log tau on 60001 points from -30 to 30; agrees with 6001 points, "
    "and with a grid over mu and log tau, to 1e-9 in the log evidence and 1e-7 in the means",
    "numpy": np.__version__,
    "date": datetime.date.today().isoformat(),
}
with open("reference.json", "w") as file:
    json.dump(result, file, indent=2)
    file.write("\n")
print(json.dumps(result, indent=2))
