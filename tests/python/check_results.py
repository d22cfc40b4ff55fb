"""Opens the files of a run with the libraries that people have, and works its numbers out again.

    check_results.py FOLDER [THINNED]

FOLDER holds the results of a run in all formats; THINNED those of the same run with --thin.

Arrays are the same in every format; the record's estimates and their errors follow from the weighted
particles by NumPy; what ArviZ says of the equal-weight draws is near to that. Then every array and
every number of the record is spoilt in turn, and each time the check has to notice.
"""

import copy
import json
import math
import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
warnings.simplefilter("ignore")

import arviz  # noqa: E402
import numpy as np  # noqa: E402
import safetensors  # noqa: E402
import safetensors.numpy  # noqa: E402
import xarray  # noqa: E402

# Where the arrays are in the NetCDF file; those of stages are in the group of that name.
GROUPS = {
    "posterior": ("posterior", "x"),
    "positions": ("weighted_posterior", "x"),
    "log_weights": ("sample_stats", "log_weight"),
    "ancestors0": ("sample_stats", "ancestor0"),
    "log_normalizer": ("sample_stats", "log_normalizer"),
    "log_normalizer_se": ("sample_stats", "log_normalizer_se"),
}


class Wrong(Exception):
    """A number that is not what it has to be."""


def same(what, found, expected, rtol=0.0):
    """Equal to the last bit, or within a share of the largest; NaN is where NaN has to be."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        raise Wrong(f"{what} has the shape {found.shape} and not {expected.shape}")
    if rtol == 0 and found.dtype != expected.dtype:
        raise Wrong(f"{what} is {found.dtype} and not {expected.dtype}")
    found, expected = np.atleast_1d(found.astype(float)), np.atleast_1d(expected.astype(float))
    room = rtol * np.nanmax(np.abs(expected), initial=0.0)
    right = (found == expected) | (np.abs(found - expected) <= room)
    right |= np.isnan(found) & np.isnan(expected)
    for place in np.argwhere(~right)[:1]:
        at = tuple(place.tolist())
        raise Wrong(f"{what} at {list(at)} is {found[at]} and not {expected[at]}")


# ------------------------------------------------------------------------------------- the files


def read_npz(folder):
    with np.load(folder / "particles.npz") as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, json.loads(str(arrays.pop("attributes")))


def read_safetensors(folder):
    path = folder / "particles.safetensors"
    with safetensors.safe_open(path, framework="numpy") as file:
        attributes = dict(file.metadata())
    return safetensors.numpy.load_file(path), attributes


def read_netcdf(folder):
    data = arviz.from_netcdf(str(folder / "particles.nc"), engine="h5netcdf")
    arrays = {}
    for name, (group, variable) in GROUPS.items():
        values = data[group][variable]
        arrays[name] = values.values[0] if "chain" in values.dims else values.values
    for name, values in data["stages"].data_vars.items():
        arrays[f"stage_{name}"] = values.values
    return arrays, data


def number(value):
    """A number of the record; what is not finite is null."""
    return math.nan if value is None else value


# ------------------------------------------------------------------------------------ the checks


def check_formats(formats):
    """Every other format holds the arrays of the archive."""
    archive = formats["npz"]
    for name, arrays in formats.items():
        if sorted(arrays) != sorted(archive):
            raise Wrong(f"{name} holds {sorted(arrays)} and not {sorted(archive)}")
        for key, expected in archive.items():
            same(f"{key} of {name}", arrays[key], expected)


def check_attributes(npz, text, data, record):
    """The attributes tell the record, in every format."""
    for key in ("target", "initial", "flow", "integrator", "schedule", "particles", "seed",
                "adapter", "driver", "log_normalizer", "log_normalizer_se"):
        if npz[key] != record[key]:
            raise Wrong(f"the attribute {key} is {npz[key]} and not {record[key]}")
    if npz["inference_library_version"] != record["version"]:
        raise Wrong(f"the version is {npz['inference_library_version']}")
    for key, value in npz.items():
        plain = value if isinstance(value, str) else json.dumps(value)
        if text[key] != plain:
            raise Wrong(f"the attribute {key} of safetensors is {text[key]} and not {plain}")
        found, expected = data.attrs[key], number(value)
        if not (found == expected or (expected != expected and found != found)):
            raise Wrong(f"the attribute {key} of netcdf is {found} and not {expected}")


def families(values, weights, ancestors):
    """The sum of squares of the sums over families."""
    return np.square(np.bincount(ancestors, weights * values)).sum()


def check_record(arrays, record):
    """The record's estimates and errors, from the particles."""
    positions = arrays["positions"].astype(float)
    ancestors = arrays["ancestors0"]
    log_weights = arrays["log_weights"].astype(float)
    weights = np.where(np.isfinite(log_weights), np.exp(log_weights - log_weights.max()), 0.0)
    weights /= weights.sum()
    count = len(weights)
    joined = record["resamplings"] if record["resampler"] == "multinomial" else 0
    factor = (count / (count - 1)) ** (joined + 1)

    def estimate(name, values, value_of=lambda m: m, slope=1.0):
        """Of the mean of `values`, a column per entry of the record."""
        means = weights @ values
        spread = [families(v - m, weights, ancestors) for v, m in zip(values.T, means)]
        errors = np.sqrt(factor * np.array(spread)) * slope
        same(f"{name} of the record", record[name], value_of(means), 1e-9)
        same(f"{name}_se of the record", record[f"{name}_se"], errors, 1e-6)

    means = weights @ positions
    squares = (positions - means) ** 2
    deviations = np.sqrt(weights @ squares)
    estimate("mean", positions)
    estimate("second_moment", positions**2)
    estimate("sd", squares, np.sqrt, 1 / (2 * deviations))
    right = (positions[:, 0] > 0).astype(float)
    same("right_mass", record["right_mass"], weights @ right, 1e-9)
    spread = families(right - weights @ right, weights, ancestors)
    same("right_mass_se", record["right_mass_se"], math.sqrt(factor * spread), 1e-6)

    for j, column in enumerate(positions.T):
        found = np.quantile(column, record["levels"], weights=weights, method="inverted_cdf")
        same(f"quantiles of x{j}", record["quantiles"][j], found, 1e-12)
        order = np.argsort(column, kind="stable")
        values, masses = column[order], np.cumsum(weights[order])
        inverse = lambda p: values[min(np.searchsorted(masses, p), count - 1)]  # noqa: E731
        errors = []
        for p, quantile in zip(record["levels"], found):
            below = (column <= quantile).astype(float)
            se = math.sqrt(factor * families(below - weights @ below, weights, ancestors))
            low, high = max(p - 1.96 * se, 0.0), min(p + 1.96 * se, 1.0)
            errors.append(se * (inverse(high) - inverse(low)) / (high - low))
        same(f"quantiles_se of x{j}", record["quantiles_se"][j], errors, 1e-6)

    shares = np.bincount(ancestors, weights)
    concentration = np.square(shares).sum()
    error = math.sqrt(max(1 - factor * (1 - concentration), 0.0))
    same("log_normalizer_se", number(record["log_normalizer_se"]), error, 1e-6)
    same("unique_ancestors", record["unique_ancestors"], (shares > 0).sum(), 1e-12)
    same("effective_ancestors", record["effective_ancestors"], 1 / concentration, 1e-9)
    same("largest_ancestor", record["largest_ancestor"], shares.max(), 1e-9)
    # The device sums in single precision.
    same("ess", record["ess"], 1 / np.square(weights).sum(), 1e-4)
    same("max_weight", record["max_weight"], weights.max(), 1e-4)

    same("resamplings", record["resamplings"], arrays["stage_resampled"].sum(), 1e-12)
    for name, stage in (("ess", "ess"), ("log_normalizer", "log_normalizer"),
                        ("steps", "step"), ("time", "time"), ("max_weight", "max_weight"),
                        ("non_finite", "non_finite")):
        same(f"stage_{stage} at the end", arrays[f"stage_{stage}"][-1], record[name], 1e-6)
    losses = record["losses"]
    for column, cause in enumerate(("position", "score", "weight"), 1):
        told = sum(row[column] for row in losses["by_step"])
        same(f"losses by {cause}", losses[cause], told, 1e-15)
    for name in ("log_normalizer", "log_normalizer_se"):
        same(name, arrays[name], number(record[name]), 1e-15)

    draws = len(arrays["posterior"])
    off = np.abs(arrays["posterior"].mean(0, dtype=float) - means)
    if draws and (off > 5 * deviations / math.sqrt(draws)).any():
        raise Wrong(f"the means of {draws} draws are off by {off}")


def check_arviz(data, record, draws):
    """ArviZ and xarray do with the file what people do with one."""
    if data.posterior.x.dims != ("chain", "draw", "x_dim"):
        raise Wrong(f"posterior.x has the dimensions {data.posterior.x.dims}")
    for group, dims in (("weighted_posterior", ("chain", "particle", "x_dim")),
                        ("sample_stats", ("chain", "particle"))):
        variable = data[group].x if group == "weighted_posterior" else data[group].log_weight
        if variable.dims != dims:
            raise Wrong(f"{group} has the dimensions {variable.dims}")
    if "chains do not apply" not in data.posterior.attrs["note"]:
        raise Wrong("nothing says that diagnostics of chains do not apply")
    summary = arviz.summary(data, round_to="none", kind="stats")
    spread = np.array(record["sd"])
    off = np.abs(summary["mean"].values - record["mean"])
    if (off > 5 * spread / math.sqrt(draws)).any():
        raise Wrong(f"ArviZ's means are {summary['mean'].values} and not {record['mean']}")
    off = np.abs(summary["sd"].values / spread - 1)
    if (off > 5 / math.sqrt(draws)).any():
        raise Wrong(f"ArviZ's deviations are {summary['sd'].values} and not {record['sd']}")
    if len(spread) > 1:
        arviz.plot_pair(data)
    arviz.plot_posterior(data)
    if arviz.extract(data).sizes["sample"] != draws:
        raise Wrong(f"ArviZ extracts {arviz.extract(data).sizes}")
    if data.sel(draw=slice(0, 9)).posterior.sizes["draw"] != 10:
        raise Wrong("draws cannot be selected")
    # Weights and particles are laid over each other by name.
    weights = np.exp(data.sample_stats.log_weight - data.sample_stats.log_weight.max())
    means = data.weighted_posterior.x.astype(float).weighted(weights.astype(float))
    means = means.mean(("chain", "particle"))
    same("the weighted mean by xarray", means.values, record["mean"], 1e-5)


def check_frames(path):
    with np.load(path) as file:
        frames = {name: file[name] for name in file.files}
    count, rows, columns = frames["density"].shape
    if (np.diff(frames["step"].astype(int)) <= 0).any():
        raise Wrong("frames are not in the order of their steps")
    area = np.diff(frames["x"]) * np.diff(frames["y"]) / (rows * columns)
    inside = frames["density"].sum((1, 2), dtype=float) * area[:, 0]
    if ((inside < 0) | (inside > 1 + 1e-5)).any():
        raise Wrong(f"the frames' densities integrate to {inside}")
    return count


def spoilt(value):
    """The same with another number in its midst."""
    if isinstance(value, list):
        middle = len(value) // 2
        return value[:middle] + [spoilt(value[middle])] + value[middle + 1 :]
    array = np.array(value)
    flat = array.reshape(-1)
    middle = len(flat) // 3
    if array.dtype == bool:
        flat[middle] = not flat[middle]
    elif array.dtype.kind in "iu":
        flat[middle] += 1
    else:
        flat[middle] = 1.01 * flat[middle] if abs(flat[middle]) > 0 else 0.01
    return array if isinstance(value, np.ndarray) else flat[0].item()


def must_notice(what, check):
    try:
        check()
    except Wrong:
        return
    raise SystemExit(f"check_results.py: nobody noticed that {what} is wrong")


def main(folder, thinned=None):
    record = json.loads((folder / "summary.json").read_text())
    npz, attributes = read_npz(folder)
    tensors, text = read_safetensors(folder)
    variables, data = read_netcdf(folder)
    formats = {"npz": npz, "safetensors": tensors, "netcdf": variables}
    check_formats(formats)
    check_attributes(attributes, text, data, record)
    check_record(npz, record)
    check_arviz(data, record, len(npz["posterior"]))
    xarray.open_datatree(folder / "particles.nc", engine="h5netcdf").close()
    if (folder / "run.toml").read_text() != attributes["config"]:
        raise Wrong("the attribute config is not run.toml")
    frames = check_frames(folder / "frames.npz")

    if thinned:
        few, attributes = read_npz(thinned)
        every = attributes["every"]
        check_formats({"npz": few, "safetensors": read_safetensors(thinned)[0],
                       "netcdf": read_netcdf(thinned)[0]})
        for name in ("positions", "log_weights", "ancestors0"):
            same(f"thinned {name}", few[name], npz[name][::every])

    trials = 0
    for name, arrays in formats.items():
        for key in arrays:
            changed = copy.deepcopy(formats)
            changed[name][key] = spoilt(arrays[key])
            must_notice(f"{key} of {name}", lambda: check_formats(changed))
            trials += 1
    told = ["mean", "mean_se", "second_moment", "second_moment_se", "sd", "sd_se", "quantiles",
            "quantiles_se", "right_mass", "right_mass_se", "log_normalizer", "log_normalizer_se",
            "ess", "unique_ancestors", "effective_ancestors", "largest_ancestor", "max_weight",
            "resamplings", "steps", "time", "non_finite"]
    for key in told:
        changed = dict(record, **{key: spoilt(record[key])})
        must_notice(f"{key} of the record", lambda: check_record(npz, changed))
        trials += 1
    changed = dict(record, losses=dict(record["losses"], score=spoilt(record["losses"]["score"])))
    must_notice("losses of the record", lambda: check_record(npz, changed))
    trials += 1
    print(f"{len(npz)} arrays in {len(formats)} formats, {len(told)} numbers of the record and "
          f"{frames} frames are right; {trials} spoilt ones were noticed")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    try:
        main(*map(Path, sys.argv[1:]))
    except Wrong as wrong:
        raise SystemExit(f"check_results.py: {wrong}") from None
