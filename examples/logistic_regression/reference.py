"""The posterior means and the log evidence of the model, by two independent ways; NumPy only.

    python3 reference.py    # writes reference.json; about two minutes on two cores

1. Importance sampling from a multivariate Student-t at the mode, whose shape is the inverse of the
   Hessian there (Laplace). These are the reference.
2. Random-walk Metropolis for the means, and from its draws the evidence by the reciprocal estimator
   of Gelfand and Dey (1994) with a normal law cut off at its 90 % ellipsoid. These are the check:
   they share nothing with the first but the log density.
"""

import datetime
import json
import math

import numpy as np

PRIOR_SD = 1.0
SEED = 20240229
DRAWS = 6_000_000
DEGREES = 12.0
BATCH = 4000
CHAINS, BURN_IN, STEPS, THIN = 2000, 300, 2500, 10
# The 0.9 quantile of the chi-squared law with 6 degrees of freedom.
CHI_SQUARED_90 = 10.644640675668422

predictors = np.loadtxt("X.csv", delimiter=",", skiprows=1)
votes = np.loadtxt("y.csv", delimiter=",", skiprows=1)
design = np.column_stack([np.ones(len(votes)), predictors])
signed = design * np.where(votes > 0.5, 1.0, -1.0)[:, None]
dim = design.shape[1]


def log_density(beta):
    """Log prior and likelihood, normalised, at the rows of `beta`."""
    eta = beta @ signed.T
    # log(1 + exp(-eta)) without overflow
    softplus = np.exp(-np.abs(eta))
    np.log1p(softplus, out=softplus)
    softplus -= np.minimum(eta, 0.0)
    prior = -0.5 * (beta**2).sum(axis=1) / PRIOR_SD**2 - dim * math.log(
        PRIOR_SD * math.sqrt(2.0 * math.pi)
    )
    return prior - softplus.sum(axis=1)


def mode():
    """Newton's method; the mode and the Hessian of −log density there."""
    beta = np.zeros(dim)
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-(signed @ beta)))
        gradient = signed.T @ (1.0 - chance) - beta / PRIOR_SD**2
        hessian = (signed.T * (chance * (1.0 - chance))) @ signed + np.eye(dim) / PRIOR_SD**2
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step
    assert np.abs(step).max() < 1e-12
    return beta, hessian


centre, hessian = mode()
factor = np.linalg.cholesky(np.linalg.inv(hessian))
log_det = np.log(np.diag(factor)).sum()
laplace = log_density(centre[None])[0] + 0.5 * dim * math.log(2.0 * math.pi) + log_det


def importance():
    generator = np.random.default_rng(SEED)
    constant = (
        math.lgamma((DEGREES + dim) / 2)
        - math.lgamma(DEGREES / 2)
        - 0.5 * dim * math.log(DEGREES * math.pi)
        - log_det
    )
    # Sums of w, w², w β, (w β)², w² β, relative to the Laplace value.
    total = square = 0.0
    first, second, cross = np.zeros(dim), np.zeros(dim), np.zeros(dim)
    moment = np.zeros(dim)
    for _ in range(DRAWS // BATCH):
        z = generator.standard_normal((BATCH, dim))
        scale = np.sqrt(DEGREES / generator.chisquare(DEGREES, BATCH))
        z *= scale[:, None]
        beta = centre + z @ factor.T
        log_proposal = constant - 0.5 * (DEGREES + dim) * np.log1p((z**2).sum(axis=1) / DEGREES)
        w = np.exp(log_density(beta) - log_proposal - laplace)
        total += w.sum()
        square += (w**2).sum()
        first += w @ beta
        moment += w @ beta**2
        second += (w**2) @ beta**2
        cross += (w**2) @ beta
    n = DRAWS // BATCH * BATCH
    mean = first / total
    variance_of_mean = (second - 2 * mean * cross + mean**2 * square) / total**2
    log_evidence = laplace + math.log(total / n)
    return {
        "log_evidence": log_evidence,
        "log_evidence_se": math.sqrt(max(square / n / (total / n) ** 2 - 1.0, 0.0) / n),
        "mean": mean.tolist(),
        "mean_se": np.sqrt(variance_of_mean).tolist(),
        "sd": np.sqrt(moment / total - mean**2).tolist(),
        "ess_fraction": total**2 / square / n,
    }


def metropolis():
    generator = np.random.default_rng(SEED + 1)
    step = 2.4 / math.sqrt(dim) * factor
    beta = centre + 2.0 * generator.standard_normal((CHAINS, dim)) @ factor.T
    value = log_density(beta)
    sums, reciprocal, kept, accepted = np.zeros((CHAINS, dim)), np.zeros(CHAINS), 0, 0
    for k in range(BURN_IN + STEPS):
        proposal = beta + generator.standard_normal((CHAINS, dim)) @ step.T
        proposed = log_density(proposal)
        accept = np.log(generator.random(CHAINS)) < proposed - value
        beta[accept], value[accept] = proposal[accept], proposed[accept]
        if k < BURN_IN:
            continue
        accepted += accept.mean()
        sums += beta
        if k % THIN == 0:
            z = np.linalg.solve(factor, (beta - centre).T)
            radius = (z**2).sum(axis=0)
            log_normal = -0.5 * radius - 0.5 * dim * math.log(2.0 * math.pi) - log_det
            inside = radius < CHI_SQUARED_90
            reciprocal += np.where(inside, np.exp(log_normal - value + laplace) / 0.9, 0.0)
            kept += 1
    # The chains are independent: their scatter is the error.
    means = sums / STEPS
    inverse = reciprocal / kept
    return {
        "log_evidence": laplace - math.log(inverse.mean()),
        "log_evidence_se": inverse.std(ddof=1) / inverse.mean() / math.sqrt(CHAINS),
        "mean": means.mean(axis=0).tolist(),
        "mean_se": (means.std(axis=0, ddof=1) / math.sqrt(CHAINS)).tolist(),
        "acceptance": accepted / STEPS,
    }


reference, check = importance(), metropolis()
for name in ["log_evidence", "mean"]:
    difference = np.abs(np.array(reference[name]) - np.array(check[name]))
    error = np.hypot(reference[name + "_se"], check[name + "_se"])
    print(name, "differs by", difference / error, "standard errors")
    assert (difference <= 4.0 * error).all(), "the two ways disagree"

result = {
    "model": "vote ~ Bernoulli(logistic(beta_0 + X beta)), beta ~ N(0, prior_sd^2)",
    "prior_sd": PRIOR_SD,
    "names": ["intercept", *open("X.csv").readline().strip().split(",")],
    "rows": len(votes),
    **reference,
    "laplace_log_evidence": float(laplace),
    "method": f"importance sampling, {DRAWS} draws, Student-t with {DEGREES:g} degrees of freedom",
    "check": {
        **check,
        "method": f"random-walk Metropolis, {CHAINS} chains of {STEPS} steps after {BURN_IN}, "
        f"evidence by Gelfand-Dey from every {THIN}th",
    },
    "seed": SEED,
    "numpy": np.__version__,
    "date": datetime.date.today().isoformat(),
}
with open("reference.json", "w") as file:
    json.dump(result, file, indent=2)
    file.write("\n")
print(json.dumps(result, indent=2))
