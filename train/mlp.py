"""The two networks F(x, e), with gradients by hand: `forward` keeps a tape, `backward` reads it.

Layers are y = x Wᵀ + b with W [out, in], as in PyTorch. Shapes: x [batch, dim], the embedding
e [batch, 2 F], hidden vectors [batch, H].
"""

import numpy as np


def silu(h):
    """h σ(h) and its derivative."""
    gate = 0.5 + 0.5 * np.tanh(0.5 * h)
    value = h * gate
    return value, gate + value * (1 - gate)


def gelu(h):
    """PyTorch's GELU with approximate="tanh", and its derivative."""
    scale, cubic = 0.7978845608028654, 0.044715
    square = h * h
    t = np.tanh(scale * h * (1 + cubic * square))
    slope = 0.5 * h * (1 - t * t) * scale * (1 + 3 * cubic * square)
    return 0.5 * h * (1 + t), 0.5 * (1 + t) + slope


def tanh(h):
    """tanh h and its derivative."""
    t = np.tanh(h)
    return t, 1 - t * t


ACTIVATIONS = {"silu": silu, "gelu": gelu, "tanh": tanh}


def linear(p, name, x):
    """The layer `name`: [batch, in] to [batch, out]."""
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def linear_back(p, g, name, x, dy):
    """Writes the layer's gradient into `g`; returns that of its input `x`."""
    g[f"{name}.weight"][:] = dy.T @ x
    g[f"{name}.bias"][:] = dy.sum(axis=0)
    return dy @ p[f"{name}.weight"]


class Residual:
    """h = input(x); h += second(act(first(act(h)) + time(e))) per block; F = output(act(h))."""

    def __init__(self, dim, hidden, features, depth, activation):
        self.depth, self.activation = depth, ACTIVATIONS[activation]
        self.shapes = {"input.weight": (hidden, dim), "input.bias": (hidden,)}
        for i in range(depth):
            self.shapes[f"blocks.{i}.first.weight"] = (hidden, hidden)
            self.shapes[f"blocks.{i}.first.bias"] = (hidden,)
            self.shapes[f"blocks.{i}.time.weight"] = (hidden, features)
            self.shapes[f"blocks.{i}.second.weight"] = (hidden, hidden)
            self.shapes[f"blocks.{i}.second.bias"] = (hidden,)
        self.shapes |= {"output.weight": (dim, hidden), "output.bias": (dim,)}

    def forward(self, p, x, e):
        """F [batch, dim], and the tape."""
        h = linear(p, "input", x)
        blocks = []
        for i in range(self.depth):
            outer, outer_slope = self.activation(h)
            middle = linear(p, f"blocks.{i}.first", outer) + e @ p[f"blocks.{i}.time.weight"].T
            inner, inner_slope = self.activation(middle)
            blocks.append((outer, outer_slope, inner, inner_slope))
            h = h + linear(p, f"blocks.{i}.second", inner)
        last, last_slope = self.activation(h)
        return linear(p, "output", last), (x, e, blocks, last, last_slope)

    def backward(self, p, tape, dout, g):
        """Writes the gradients of a loss whose gradient by F is `dout` into `g`."""
        x, e, blocks, last, last_slope = tape
        dh = linear_back(p, g, "output", last, dout) * last_slope
        for i in reversed(range(self.depth)):
            outer, outer_slope, inner, inner_slope = blocks[i]
            dmiddle = linear_back(p, g, f"blocks.{i}.second", inner, dh) * inner_slope
            g[f"blocks.{i}.time.weight"][:] = dmiddle.T @ e
            dh = dh + linear_back(p, g, f"blocks.{i}.first", outer, dmiddle) * outer_slope
        linear_back(p, g, "input", x, dh)


class Sequential:
    """Linear layers with an activation between each two, of the input [x; e]."""

    def __init__(self, dim, hidden, features, depth, activation):
        self.depth, self.activation = depth, ACTIVATIONS[activation]
        widths = [dim + features] + depth * [hidden] + [dim]
        self.shapes = {}
        for i, (columns, rows) in enumerate(zip(widths, widths[1:])):
            self.shapes[f"net.{2 * i}.weight"] = (rows, columns)
            self.shapes[f"net.{2 * i}.bias"] = (rows,)

    def forward(self, p, x, e):
        """F [batch, dim], and the tape."""
        y, slope = np.concatenate([x, e], axis=1), None
        tape = []
        for i in range(self.depth):
            tape.append((y, slope))
            y, slope = self.activation(linear(p, f"net.{2 * i}", y))
        tape.append((y, slope))
        return linear(p, f"net.{2 * self.depth}", y), tape

    def backward(self, p, tape, dout, g):
        """Writes the gradients of a loss whose gradient by F is `dout` into `g`."""
        for i in reversed(range(self.depth + 1)):
            y, slope = tape[i]
            dout = linear_back(p, g, f"net.{2 * i}", y, dout)
            if i > 0:
                dout = dout * slope


ARCHITECTURES = {"residual": Residual, "sequential": Sequential}


def of_config(config, depth):
    """The network that a file's configuration describes, `depth` blocks or hidden layers deep."""
    features = 2 * len(config["time_embedding"]["frequencies"])
    kind = ARCHITECTURES[config["architecture"]]
    return kind(config["dim"], config["hidden"], features, depth, config["activation"])


def views(network, flat):
    """The tensors by name, as views of one flat vector."""
    tensors, begin = {}, 0
    for name, shape in network.shapes.items():
        end = begin + int(np.prod(shape))
        tensors[name] = flat[begin:end].reshape(shape)
        begin = end
    return tensors


def initial(network, rng, dtype=np.float32):
    """A flat vector of parameters: weights N(0, 1 / inputs), biases and the last layer 0."""
    flat = np.zeros(sum(int(np.prod(shape)) for shape in network.shapes.values()), dtype)
    tensors = views(network, flat)
    last = list(network.shapes)[-2]
    for name, tensor in tensors.items():
        if tensor.ndim == 2 and name != last:
            tensor[:] = rng.standard_normal(tensor.shape) / np.sqrt(tensor.shape[1])
    return flat
