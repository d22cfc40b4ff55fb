"""Files of tensors in the safetensors format, written and read without a package.

A file is the header's length (8 bytes, little-endian), a JSON header that gives each tensor's
type, shape and place, and the tensors' bytes one after the other.
"""

import json

import numpy as np

ALIGNMENT = 8


def save(path, tensors, metadata):
    """Writes arrays by name as 32-bit floats, and `metadata`, a dictionary of strings."""
    header, parts, end = {"__metadata__": metadata}, [], 0
    for name, array in tensors.items():
        parts.append(np.ascontiguousarray(array, dtype="<f4").tobytes())
        begin, end = end, end + len(parts[-1])
        header[name] = {
            "dtype": "F32",
            "shape": list(np.shape(array)),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(parts))


def load(path):
    """The arrays by name, as 32-bit floats, and the metadata of a file that `save` wrote."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: {name} has type {entry['dtype']}; only F32 is read")
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
    return tensors, metadata
