"""Lets wfr and its peers take turns at the job of common.py, and tabulates what a step costs."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import mean, median, stdev

from common import START_SD, STEP, TILT, cpu_threads, exact_log_z

HERE = Path(__file__).parent

# The first row is the one that the others are divided by.
WFR = {
    "wfr": "--integrator kernel-ratio --ess-every 16",
    "wfr, Euler weights": "--integrator euler --ess-every 16",
    "wfr, Euler weights, ESS every step": "--integrator euler --ess-every 1",
}
PEERS = {
    "cpu": {
        "NumPy": "numpy_annealed.py",
        "JAX, threefry2x32": "jax_annealed.py --rng threefry2x32",
        "JAX, rbg": "jax_annealed.py --rng rbg",
        "Numba": "numba_annealed.py",
        "Rust, wfr's fused step": "rust_annealed",
        "PyTorch, compiled": "torch_annealed.py --mode compile",
    },
    "cuda": {
        "JAX, threefry2x32": "jax_annealed.py --device cuda --rng threefry2x32",
        "JAX, rbg": "jax_annealed.py --device cuda --rng rbg",
        "PyTorch, compiled": "torch_annealed.py --device cuda --mode compile",
        "PyTorch, eager": "torch_annealed.py --device cuda --mode eager",
    },
}


class Wfr:
    """A new process per run; wfr's own clock leaves out its start and the compilation."""

    def __init__(self, options, args):
        self.command = [
            *(str(Path(os.environ["WFR"]).absolute()), "sample", "double-well"),
            *("--set", "a=1", "--set", f"c={TILT}"),
            *("--initial", f"normal(mean=[0,0], sd={START_SD:g})"),
            *("--particles", str(args.particles), "--steps", str(args.steps)),
            *("--time", f"{args.steps * STEP:g}", "--json", *options.split()),
        ]
        self.run(0)

    def run(self, seed):
        with tempfile.TemporaryDirectory() as folder:
            command = [*self.command, "--seed", str(seed)]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        record = json.loads(done.stdout)
        self.device = record["adapter"]
        return record


class Peer:
    """One process for all runs, which waits for its turns."""

    def __init__(self, command, args):
        script, *options = command.split()
        # What has no ending was compiled by `run`.
        compiled = Path(os.environ["COMPILED"]) / script
        program = [sys.executable, HERE / script] if Path(script).suffix else [compiled]
        size = ["--particles", str(args.particles), "--steps", str(args.steps)]
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*program, *options, *size],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        first = self.read()
        self.tool, self.device = first["tool"], first["device"]

    def run(self, seed):
        print(seed, file=self.process.stdin, flush=True)
        return self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise ChildProcessError(self.errors.read().strip().splitlines()[-1])
        return json.loads(line)


def table(results, args):
    """Markdown rows; costs are nanoseconds per particle and step."""
    steps = args.particles * args.steps
    cost = {
        (name, clock): [record[clock] * 1e9 / steps for record in records]
        for name, (_, records) in results.items()
        for clock in ("elapsed_s", "cpu_s")
    }
    yield (
        "| program | runs on | wall ns | least–most | CPU ns | wall ÷ wfr | CPU ÷ wfr"
        " | log Z error | resamplings |"
    )
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, (device, records) in results.items():
        wall, cpu = cost[name, "elapsed_s"], cost[name, "cpu_s"]
        # Paired by round, so that a busy minute weighs on both sides.
        wall_ratio, cpu_ratio = (
            median(own / wfr for own, wfr in zip(cost[name, clock], cost["wfr", clock]))
            for clock in ("elapsed_s", "cpu_s")
        )
        errors = [record["log_normalizer"] - exact_log_z() for record in records]
        spread = stdev(errors) / len(errors) ** 0.5 if len(errors) > 1 else float("nan")
        yield (
            f"| {name} | {device} | {median(wall):.3g} | {min(wall):.3g}–{max(wall):.3g}"
            f" | {median(cpu):.3g} | {wall_ratio:.2f} | {cpu_ratio:.2f}"
            f" | {mean(errors):+.4f} ± {spread:.4f}"
            f" | {median(record['resamplings'] for record in records):g} |"
        )


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__)
    parser.add_argument("--device", choices=PEERS, default="cpu", help="where the peers run")
    parser.add_argument("--particles", type=lambda text: int(float(text)), default=1_000_000)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="also write the result to this file")
    args = parser.parse_args()
    load = os.getloadavg()[0]

    contenders, missing = {}, []
    for name, options in WFR.items():
        contenders[name] = Wfr(options, args)
    for name, command in PEERS[args.device].items():
        print(f"== {name}: warming up", file=sys.stderr)
        try:
            contenders[name] = Peer(command, args)
        except ChildProcessError as error:
            missing.append(f"{name} ({error})")
            print(f"== {name} is left out: {error}", file=sys.stderr)

    records = {name: [] for name in contenders}
    for seed in range(1, args.rounds + 1):
        for name, contender in contenders.items():
            record = contender.run(seed)
            records[name].append(record)
            print(f"== round {seed}, {name}: {record['elapsed_s']:.3f} s", file=sys.stderr)

    tools = sorted({getattr(one, "tool", "wfr").split(",")[0] for one in contenders.values()})
    results = {name: (contenders[name].device, records[name]) for name in contenders}
    version = subprocess.run([os.environ["WFR"], "-V"], capture_output=True, text=True)
    lines = [
        f"# The annealed double well: N = {args.particles:,}, d = 2, {args.steps} steps",
        "",
        f"`benches/peers/run --device {args.device} --particles {args.particles}"
        f" --steps {args.steps} --rounds {args.rounds}`,",
        f"{date.today()}, {processor()}, {cpu_threads()} threads, load {load:.1f} at the start;",
        f"{version.stdout.strip()}, Python {platform.python_version()},"
        f" {', '.join(tool for tool in tools if tool != 'wfr')}.",
        "",
        *table(results, args),
        "",
        f"Nanoseconds per particle and step, medians of {args.rounds} rounds in which the programs",
        "take turns; the ratios are medians over the rounds. Timed is the sampling loop with",
        "weights and resampling, without compiling and without drawing the start. CPU time is that",
        "of all threads of the process. The log Z error is the mean over the rounds, each with its",
        f"own seed, and its standard error; exact is {exact_log_z():.6f}, by quadrature.",
        "",
        "`Rust, wfr's fused step` is the first row's step by hand: the same random words, normals and",
        "kernel-ratio weights, eight lanes, a test every 16 steps.",
        "",
        "All other peers weigh by the annealing rule, which keeps the bias of Euler's step, and test the",
        "effective sample size (ESS) at every step: the row `wfr, Euler weights, ESS every step`",
        "does the same. The rows above it test every 16 steps, between which a particle stays in",
        "registers; and the first has kernel-ratio weights, which allow for the finite step.",
    ]
    if missing:
        lines += ["", f"Left out: {'; '.join(missing)}."]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if args.out:
        args.out.write_text(text)


main()
