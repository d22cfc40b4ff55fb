"""Gaussian mixtures: their text format, samples, and the exact score under noise."""

import re

import numpy as np


class Mixture:
    """weights [C], which sum to 1, means [C, d] and variances [C, d] of a mixture."""

    def __init__(self, weights, means, scales):
        self.weights = np.asarray(weights) / np.sum(weights)
        self.means = np.asarray(means)
        self.variances = np.asarray(scales) ** 2
        self.dim = self.means.shape[1]

    def sample(self, rng, count):
        """`count` points, [count, d]."""
        component = rng.choice(len(self.weights), size=count, p=self.weights)
        normal = rng.standard_normal((count, self.dim))
        return self.means[component] + np.sqrt(self.variances[component]) * normal

    def score(self, x, a, s):
        """∇ log q_τ at `x` [n, d], where q_τ is the law of a x_0 + s ε; one level `a`, `s`."""
        variances = a**2 * self.variances + s**2
        offsets = x[:, None, :] - a * self.means
        logs = np.log(self.weights) - 0.5 * np.sum(
            offsets**2 / variances + np.log(variances), axis=2
        )
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return -np.einsum("nc,ncd->nd", shares, offsets / variances)

    def standard_deviation(self):
        """The root of the variance of a coordinate, averaged over coordinates."""
        mean = self.weights @ self.means
        second = self.weights @ (self.variances + self.means**2)
        return float(np.sqrt(np.mean(second - mean**2)))


def read(path, dim=None):
    """The mixture in a text with one component a line: `weight mean_1 … mean_d scale`.

    A scale per axis may stand in place of one for all. Commas or blanks separate the numbers, and
    `#` begins a comment. `dim` says which is meant where the number of columns leaves it open.
    """
    rows = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = re.split(r"[,\s]+", line.split("#")[0].strip())
            if words != [""]:
                rows.append(_numbers(f"{path}, line {number}", words))
    if not rows:
        raise ValueError(f"{path}: holds no component; write lines `weight mean_1 … mean_d scale`")
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"{path}: has lines of different lengths; give each as many numbers")
    dim = _dim(path, len(rows[0]), dim)
    table = np.array(rows)
    weights, means, scales = table[:, 0], table[:, 1 : dim + 1], table[:, dim + 1 :]
    if not (np.isfinite(table).all() and (weights > 0).all() and (scales > 0).all()):
        raise ValueError(f"{path}: a number is not finite, or a weight or scale is not above 0")
    return Mixture(weights, means, np.broadcast_to(scales, means.shape))


def _numbers(place, words):
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _dim(path, columns, dim):
    """The dimension of rows of so many columns: one scale, or a scale per axis."""
    possible = {columns - 2} | ({columns // 2} if columns % 2 else set())
    possible = {d for d in possible if d > 0 and dim in (None, d)}
    if not possible:
        wanted = "" if dim is None else f" in {dim} dimensions"
        raise ValueError(
            f"{path}: {columns} columns are no component{wanted}; "
            "a line is a weight, a mean and one scale or one per axis"
        )
    if len(possible) > 1:
        choices = " or ".join(map(str, sorted(possible)))
        raise ValueError(f"{path}: {columns} columns can be {choices} dimensions; state --dim")
    return possible.pop()
