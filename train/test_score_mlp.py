"""Tests of the trainer and of the networks in models/: python3 -m unittest discover train."""

import contextlib
import io
import itertools
import json
import math
import pathlib
import tempfile
import unittest

import from_torch
import mixture
import mlp
import noise
import numpy as np
import score_mlp
import tensors

MODELS = pathlib.Path(__file__).resolve().parent.parent / "models"
LEFT = str(MODELS / "left.txt")


def options(*arguments):
    """The trainer's options for the left mixture."""
    return score_mlp.parser().parse_args([LEFT, "unused.safetensors", *arguments])


def exact_loss(data, batch):
    """The loss of the exact score on a batch: what is left of it at best."""
    x, epsilon, a, s, _ = batch
    rows = [data.score(x[i : i + 1], a[i], s[i]) for i in range(len(x))]
    return weighted(batch, s[:, None] * np.concatenate(rows) + epsilon)


def weighted(batch, residual):
    """The loss of a residual s score + ε on a batch."""
    _, _, a, s, _ = batch
    weight = 1 + a / s
    return float(np.mean((weight / weight.mean())[:, None] * residual**2))


class Gradients(unittest.TestCase):
    """The hand-written gradients against central differences."""

    # Step 1e-5 in doubles: the differences' error is 1e-10 of the loss's third derivative, and the
    # rounding of the loss, 1e-16 / 1e-5 of it. Where little of the loss depends on the network,
    # that is 8e-7 of the gradient (score prediction on sub-VP), elsewhere below 1e-7.
    STEP, BOUND = 1e-5, 5e-6

    def worst(self, network, config, data):
        """The largest miss among all parameters, relative to the gradient's length."""
        rng = np.random.default_rng(7)
        flat = 0.5 * rng.standard_normal(len(mlp.initial(network, rng)))
        batch = score_mlp.draw(rng, data, config, 6)
        slope, scratch = np.zeros_like(flat), np.zeros_like(flat)

        def loss(values, into):
            p, g = mlp.views(network, values), mlp.views(network, into)
            return score_mlp.loss(network, config, p, batch, g)

        loss(flat, slope)
        worst = 0.0
        for i in range(len(flat)):
            up, down = flat.copy(), flat.copy()
            up[i] += self.STEP
            down[i] -= self.STEP
            difference = (loss(up, scratch) - loss(down, scratch)) / (2 * self.STEP)
            worst = max(worst, abs(difference - slope[i]))
        return worst / np.linalg.norm(slope)

    def test_every_kind(self):
        data = mixture.read(LEFT)
        schedules = {"v": ["vp"]}
        for architecture, activation, prediction in itertools.product(
            mlp.ARCHITECTURES, mlp.ACTIVATIONS, noise.PREDICTIONS
        ):
            for schedule in schedules.get(prediction, ["vp", "sub-vp", "ve"]):
                kind = (architecture, activation, prediction, schedule)
                with self.subTest(kind):
                    given = options(
                        "--architecture", architecture, "--activation", activation,
                        "--prediction", prediction, "--schedule", schedule,
                        "--hidden", "4", "--depth", "2", "--frequencies", "0.5", "1",
                    )
                    config = score_mlp.configuration(given, data)
                    network = mlp.of_config(config, 2)
                    self.assertLess(self.worst(network, config, data), self.BOUND)

    def test_a_wrong_slope_is_seen(self):
        data = mixture.read(LEFT)
        config = score_mlp.configuration(options("--hidden", "4"), data)
        network = mlp.of_config(config, 2)
        right = network.activation
        network.activation = lambda h: (right(h)[0], 0.999 * right(h)[1])
        self.assertGreater(self.worst(network, config, data), 10 * self.BOUND)


class Noise(unittest.TestCase):
    """Schedules, predictions and the exact score."""

    SCHEDULES = (
        {"kind": "vp", "beta_min": 0.1, "beta_max": 20.0, "time": 1.0},
        {"kind": "sub-vp", "beta_min": 0.1, "beta_max": 20.0, "time": 1.0},
        {"kind": "ve", "sigma_min": 0.01, "sigma_max": 20.0},
    )

    def test_predictions_of_a_gaussian(self):
        # For x_0 ~ N(0, sd²) everything is linear, so that what each prediction's exact output is
        # can be written down from its definition, and the score has to come out of it.
        data, x = 0.7, np.linspace(-3, 3, 7)
        for schedule, tau in itertools.product(self.SCHEDULES, [0.01, 0.3, 1.0]):
            a, s = noise.levels(schedule, np.full(7, tau))
            total = (a * data) ** 2 + s**2
            start, epsilon = a * data**2 * x / total, s * x / total
            clean, level = x / a, s / a
            kept = data**2 / (level**2 + data**2)
            added = level * data / np.sqrt(level**2 + data**2)
            outputs = {
                "score": -x / total,
                "noise": epsilon,
                "v": a * epsilon - s * start,
                "denoiser": (start - kept * clean) / added,
            }
            for prediction, output in outputs.items():
                if prediction == "v" and schedule["kind"] != "vp":
                    continue
                config = {"prediction": prediction, "sigma_data": data}
                scale_in, scale_out, skip = noise.scales(config, a, s)
                with self.subTest(schedule=schedule["kind"], prediction=prediction, tau=tau):
                    # Exact up to rounding; the denoiser's output is a difference, worst at τ = 1.
                    np.testing.assert_allclose(scale_out * output + skip * x, -x / total, rtol=1e-9)
                    inputs = clean / np.sqrt(level**2 + data**2)
                    expected = inputs if prediction == "denoiser" else x
                    np.testing.assert_allclose(scale_in * x, expected, rtol=1e-12)

    def test_levels(self):
        tau = np.array([0.2, 1.0])
        betas = 0.1 + 19.9 * np.linspace(0, 0.2, 200_001)
        integral = np.sum((betas[1:] + betas[:-1]) / 2) * 0.2 / 200_000
        a, s = noise.levels(self.SCHEDULES[0], tau)
        self.assertAlmostEqual(a[0], math.exp(-integral / 2), places=9)
        np.testing.assert_allclose(a**2 + s**2, 1)
        a, s = noise.levels(self.SCHEDULES[1], tau)
        np.testing.assert_allclose(s, 1 - a**2)

    def test_exact_score_is_a_gradient(self):
        data = mixture.Mixture([3, 1], [[-1.0, 0.5], [2.0, 0.0]], [[0.5, 0.5], [1.0, 0.25]])
        a, s, step = 0.8, 0.6, 1e-5
        x = np.random.default_rng(3).standard_normal((5, 2))

        def log_density(point):
            variances = a**2 * data.variances + s**2
            terms = np.exp(-0.5 * np.sum((point - a * data.means) ** 2 / variances, axis=1))
            return np.log(np.sum(data.weights * terms / np.sqrt(np.prod(variances, axis=1))))

        for point, slope in zip(x, data.score(x, a, s)):
            for j in range(2):
                shift = step * np.eye(2)[j]
                difference = log_density(point + shift) - log_density(point - shift)
                self.assertAlmostEqual(slope[j], difference / (2 * step), places=8)


class Texts(unittest.TestCase):
    """The text format of mixtures."""

    def read(self, text, dim=None):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "mixture.txt"
            path.write_text(text)
            return mixture.read(path, dim)

    def test_both_forms(self):
        data = self.read("# two\n3, 1 -2 0.5 # first\n\n1 0 0 1\n")
        np.testing.assert_array_equal(data.weights, [0.75, 0.25])
        np.testing.assert_array_equal(data.means, [[1, -2], [0, 0]])
        np.testing.assert_array_equal(data.variances, [[0.25, 0.25], [1, 1]])
        np.testing.assert_array_equal(self.read("1 2 3 4 5\n", 2).variances, [[16, 25]])
        np.testing.assert_array_equal(self.read("1 2 3 4 5\n", 3).variances, [[25, 25, 25]])

    def test_errors(self):
        for text, part in [
            ("", "holds no component"),
            ("1 2 x\n", "line 1: could not convert"),
            ("1 2 3\n1 2 3 4\n", "different lengths"),
            ("1 2 3 4 5\n", "2 or 3 dimensions; state --dim"),
            ("1 2\n", "2 columns are no component"),
            ("1 2 -1\n", "not above 0"),
        ]:
            with self.subTest(part), self.assertRaisesRegex(ValueError, part):
                self.read(text)


class Files(unittest.TestCase):
    """What is written is what is read."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_round_trip(self):
        rng = np.random.default_rng(5)
        given = {"b": rng.standard_normal((3, 2)).astype("f4"), "a": np.float32([1.5])}
        tensors.save(self.folder / "x", given, {"key": 'a "value" – δ'})
        found, metadata = tensors.load(self.folder / "x")
        self.assertEqual(metadata, {"key": 'a "value" – δ'})
        self.assertEqual(list(found), ["b", "a"])
        for name, array in given.items():
            np.testing.assert_array_equal(found[name], array)

    def test_bytes(self):
        # The format as its specification has it, against a file written out by hand.
        tensors.save(self.folder / "x", {"t": np.float32([1, 2])}, {})
        header = b'{"__metadata__": {}, '
        header += b'"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'
        padding = b" " * (-len(header) % 8)
        length = (len(header) + len(padding)).to_bytes(8, "little")
        expected = length + header + padding + b"\0\0\x80\x3f\0\0\0\x40"
        self.assertEqual((self.folder / "x").read_bytes(), expected)

    def test_from_torch(self):
        facts = {
            "dim": 2,
            "prediction": "noise",
            "schedule": Noise.SCHEDULES[0],
            "time_embedding": {"kind": "fourier", "input": "time", "frequencies": [1.0, 4.0]},
        }
        rng = np.random.default_rng(9)
        module = stand_in(rng, [6, 5, 5, 2], "SiLU")
        from_torch.save(module, self.folder / "net", facts)
        p, metadata = tensors.load(self.folder / "net")
        config = json.loads(metadata["wfr.config"])
        self.assertEqual(config["hidden"], 5)
        x, e = rng.standard_normal((3, 2)), rng.standard_normal((3, 4))
        found = mlp.of_config(config, 2).forward(p, x, e)[0]
        np.testing.assert_allclose(found, module(np.concatenate([x, e], axis=1)), rtol=1e-5)

    def test_from_torch_errors(self):
        rng = np.random.default_rng(9)
        facts = {"dim": 2, "time_embedding": {"frequencies": [1.0, 4.0]}}
        exact = stand_in(rng, [6, 5, 2], "GELU")
        exact.layers[1].approximate = "none"
        for module, part in [
            (stand_in(rng, [6, 5, 2], "ReLU"), "the activation is ReLU"),
            (stand_in(rng, [7, 5, 2], "SiLU"), "with these facts they have to be"),
            (stand_in(rng, [6, 5, 4, 2], "SiLU"), "with these facts they have to be"),
            (exact, "GELU is exact"),
        ]:
            with self.subTest(part), self.assertRaisesRegex(ValueError, part):
                from_torch.save(module, self.folder / "net", facts)
        broken = stand_in(rng, [6, 5, 2], "SiLU")
        broken.layers.pop()
        with self.assertRaisesRegex(ValueError, "expected Linear, activation"):
            from_torch.save(broken, self.folder / "net", facts)


def stand_in(rng, widths, activation):
    """What `from_torch` sees of a torch.nn.Sequential, and its forward pass."""
    kinds = {name: type(name, (), {}) for name in ["Linear", activation]}

    class Sequential:
        """Layers that know the name of their class, and NumPy weights."""

        def __init__(self):
            count = 2 * len(widths) - 3
            self.layers = [kinds[activation if i % 2 else "Linear"]() for i in range(count)]
            self.weights = {}
            for i, (columns, rows) in enumerate(zip(widths, widths[1:])):
                self.weights[f"{2 * i}.weight"] = rng.standard_normal((rows, columns))
                self.weights[f"{2 * i}.bias"] = rng.standard_normal(rows)

        def __iter__(self):
            return iter(self.layers)

        def state_dict(self):
            """The weights by PyTorch's names."""
            return self.weights

        def __call__(self, x):
            for i in range(len(widths) - 1):
                if i > 0:
                    x = x / (1 + np.exp(-x))
                x = x @ self.weights[f"{2 * i}.weight"].T + self.weights[f"{2 * i}.bias"]
            return x

    return Sequential()


class Training(unittest.TestCase):
    """Tiny trainings from a fixed seed."""

    TINY = ("--prediction", "v", "--hidden", "16", "--depth", "1", "--batch", "256")
    TINY += ("--rate", "0.01")

    def train(self, *more):
        """What `load` reads of a network that is trained by the command line."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tiny.safetensors"
            with contextlib.redirect_stdout(io.StringIO()):
                score_mlp.main([LEFT, str(path), *self.TINY, *more])
            return score_mlp.load(path)

    def test_same_seed_same_tensors(self):
        # The metadata hold the command, and so the place of the output, which differs.
        first, again, other = (self.train("--steps", "20", "--seed", seed)[2] for seed in "112")
        for name, tensor in first.items():
            np.testing.assert_array_equal(tensor, again[name])
        self.assertFalse(all(np.array_equal(first[name], other[name]) for name in first))

    def test_tiny(self):
        config, network, p, training = self.train("--steps", "1000")
        data = mixture.read(LEFT)
        batch = score_mlp.draw(np.random.default_rng(11), data, config, 20_000)
        scratch = {name: np.empty_like(tensor) for name, tensor in p.items()}
        loss = score_mlp.loss(network, config, p, batch, scratch)
        # Noise cannot be predicted to the end: the loss of the exact score is the least there is.
        # Of noise predictions without a look at x the best is 0, since ε has the mean 0: its loss
        # is that of ε itself. Measured: the network 0.97396, exact 0.97384, constant 0.99716, so
        # that it is 190 times nearer to the exact one. The terms ε (score − exact) that are left
        # of the two losses' difference have a standard deviation of about 1e-4, a 200th. With the
        # gradient's sign flipped the loss is 9e14.
        least, constant = exact_loss(data, batch), weighted(batch, batch[1])
        self.assertLess(loss - least, (constant - least) / 50)
        # Measured: 0.106 at τ = 0.1, where the modes are apart and the score is farthest from −x.
        self.assertLess(training["relative_score_errors"]["0.1"], 0.15)

    def test_metadata_are_complete(self):
        config, _, p, training = self.train("--steps", "2", "--prediction", "denoiser")
        self.assertEqual(
            set(config),
            {"dim", "hidden", "activation", "architecture", "prediction", "schedule"}
            | {"time_embedding", "input_scale", "sigma_data"},
        )
        self.assertEqual(config["schedule"], Noise.SCHEDULES[0])
        self.assertEqual(set(config["time_embedding"]), {"kind", "input", "frequencies"})
        self.assertEqual(config["hidden"], len(p["input.bias"]))
        self.assertEqual(
            set(training),
            {"command", "steps", "batch", "seed", "final_loss", "relative_score_errors", "numpy"},
        )

    def test_errors(self):
        for arguments, part in [
            ("--batch 7", "--batch 7 is odd"),
            ("--prediction v --schedule ve", "defined on the schedule vp, not on ve"),
            ("--prediction denoiser --input-scale unit", "has its own input scale"),
            ("--schedule ve --sigma-min 30", "--sigma-min 30.0 is not below --sigma-max 20.0"),
            ("--steps 0", "0 is below 1"),
            ("--rate nan", "nan is not a finite number above 0"),
            ("--average 1", "1 is not from 0 to below 1"),
        ]:
            with self.subTest(part), self.assertRaises(SystemExit) as stopped:
                with contextlib.redirect_stderr(io.StringIO()) as text:
                    score_mlp.main([LEFT, "unused.safetensors", *arguments.split()])
            self.assertEqual(stopped.exception.code, 2)
            self.assertIn(part, text.getvalue())


class Committed(unittest.TestCase):
    """The networks in models/ are as accurate as they say."""

    def test_errors(self):
        # The same samples, so that only the rounding of another NumPy and to three digits differs.
        for name in ["left", "right", "left-edm", "right-edm"]:
            config, network, p, training = score_mlp.load(MODELS / f"{name}.safetensors")
            data = mixture.read(MODELS / f"{name.removesuffix('-edm')}.txt")
            errors = score_mlp.relative_errors(network, config, p, data)
            self.assertEqual(list(errors), list(training["relative_score_errors"]))
            for tau, error in errors.items():
                with self.subTest(name, tau=tau):
                    stated = training["relative_score_errors"][tau]
                    self.assertLess(abs(error - stated), 0.01 * stated)


if __name__ == "__main__":
    unittest.main()
