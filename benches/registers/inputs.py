"""Writes the files that the runs of runs.txt read into the current folder.

Values do not matter here: the texts of kernels depend on shapes and kinds alone.
"""

import json
import math
import struct


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


def table(name, columns, rows):
    lines = [",".join(columns)]
    for i in range(rows):
        numbers = [math.sin(1 + i * len(columns) + j) for j in range(len(columns))]
        lines.append(",".join(f"{number:.4f}" for number in numbers))
    write(name, "\n".join(lines) + "\n")


def mixture(name, dim, means, scale):
    """A Gaussian mixture with a line `weight mean_1 … mean_d scale` for each component."""
    lines = [f"1 {' '.join(str(mean) for _ in range(dim))} {scale}" for mean in means]
    write(name, "\n".join(lines) + "\n")


def network(name, dim, hidden, layers):
    """A sequential network, as train/README.md describes it."""
    frequencies = [1.0, 4.0, 16.0]
    widths = [dim + 2 * len(frequencies)] + [hidden] * layers + [dim]
    config = {
        "dim": dim,
        "hidden": hidden,
        "architecture": "sequential",
        "activation": "silu",
        "prediction": "noise",
        "schedule": {"kind": "vp", "beta_min": 0.1, "beta_max": 20.0, "time": 1.0},
        "time_embedding": {"kind": "fourier", "input": "time", "frequencies": frequencies},
    }
    header = {
        "__metadata__": {
            "wfr.kind": "score-mlp",
            "wfr.version": "1",
            "wfr.config": json.dumps(config),
        }
    }
    numbers = []
    for i, (inside, outside) in enumerate(zip(widths, widths[1:])):
        for part, shape in [("weight", [outside, inside]), ("bias", [outside])]:
            begin = 4 * len(numbers)
            numbers += [0.1 * math.sin(k) for k in range(math.prod(shape))]
            place = [begin, 4 * len(numbers)]
            header[f"net.{2 * i}.{part}"] = {"dtype": "F32", "shape": shape, "data_offsets": place}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(name, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.write(struct.pack(f"<{len(numbers)}f", *numbers))


table("rows.csv", ["x", "y"], 20)
for dim in [2, 8, 32]:
    mixture(f"left-{dim}.txt", dim, [-2, 0], 0.5)
    mixture(f"right-{dim}.txt", dim, [0, 2], 0.7)
mixture("forty.txt", 2, range(-20, 20), 1)
for hidden in [32, 64, 128, 256]:
    network(f"left-{hidden}.safetensors", 2, hidden, 3)
    network(f"right-{hidden}.safetensors", 2, hidden, 3)
network("wide.safetensors", 32, 128, 3)
write("swirl.wgsl", "fn velocity(x: Point, beta: f32) -> Point { return vec2<f32>(-x.y, x.x); }\n")
