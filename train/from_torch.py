"""Writes a PyTorch `Sequential` as a network that wfr reads; see README.md for an example.

Imports no torch: it asks of a layer the name of its class, and of the module its `state_dict`.
"""

import json

import mlp
import numpy as np
import tensors

ACTIVATIONS = {"SiLU": "silu", "GELU": "gelu", "Tanh": "tanh"}


def save(module, path, facts):
    """Writes `module`, of Linear layers with one activation between each two, to `path`.

    `facts` is what the tensors do not tell: "dim", "prediction", "schedule", "time_embedding" and,
    where they apply, "sigma_data" and "input_scale", as in the format of README.md.
    """
    names = [type(layer).__name__ for layer in module]
    inner = set(names[1::2])
    if set(names[::2]) != {"Linear"} or len(inner) != 1 or len(names) % 2 == 0:
        raise ValueError(f"layers are {names}; expected Linear, activation, …, Linear")
    if not inner <= set(ACTIVATIONS):
        raise ValueError(f"the activation is {inner.pop()}; it may be {', '.join(ACTIVATIONS)}")
    if any(getattr(layer, "approximate", "tanh") != "tanh" for layer in module):
        raise ValueError('GELU is exact; only GELU(approximate="tanh") is known to wfr')
    found = {f"net.{name}": _array(value) for name, value in module.state_dict().items()}
    hidden = len(found["net.0.bias"])
    activation = ACTIVATIONS[inner.pop()]
    config = {"architecture": "sequential", "activation": activation, "hidden": hidden, **facts}
    expected = mlp.of_config(config, len(names) // 2).shapes
    shapes = {name: array.shape for name, array in found.items()}
    if shapes != expected:
        raise ValueError(f"shapes are {shapes}; with these facts they have to be {expected}")
    metadata = {"wfr.kind": "score-mlp", "wfr.version": "1", "wfr.config": json.dumps(config)}
    tensors.save(path, found, metadata)


def _array(value):
    """A tensor, wherever it lives, as 32-bit floats."""
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    return np.asarray(value, dtype=np.float32)
