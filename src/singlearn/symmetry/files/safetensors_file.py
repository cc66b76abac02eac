"""The safetensors format: the length of a JSON header in eight bytes, the header, the numbers."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.symmetry.files.content import Content
from singlearn.symmetry.files.json_file import once

NUMBERS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
LONGEST_HEADER = 100_000_000


def read_safetensors(path: Path) -> Content:
    """All arrays, of double, single, half or brain precision.

    The library that writes these files sorts them, so their order says nothing.

    Raises:
        ValueError: not such a file, a truncated one, or another kind of number.
    """
    content = path.read_bytes()
    wrong = f"{path}: it is not a safetensors file, or is cut off"
    if len(content) < 8:
        raise ValueError(wrong)
    (length,) = struct.unpack("<Q", content[:8])
    if length > min(LONGEST_HEADER, len(content) - 8):
        raise ValueError(wrong)
    try:
        header = json.loads(content[8 : 8 + length], object_pairs_hook=once)
    except ValueError:
        raise ValueError(wrong) from None
    if not isinstance(header, dict):
        raise ValueError(wrong)
    metadata = header.pop("__metadata__", None)
    activation = metadata.get("activation") if isinstance(metadata, dict) else None
    numbers = memoryview(content)[8 + length :]  # a slice of bytes would be a copy, for every array
    arrays = {name: _read_one(name, entry, numbers, path) for name, entry in header.items()}
    return Content(arrays, activation if isinstance(activation, str) else None, keeps_order=False)


def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays in double precision."""
    header: dict[str, Any] = {"__metadata__": {"activation": "relu"}}
    blocks, start = [], 0
    for name, array in arrays.items():
        blocks.append(np.ascontiguousarray(array, dtype="<f8").tobytes())
        header[name] = {
            "dtype": "F64",
            "shape": list(array.shape),
            "data_offsets": [start, start + len(blocks[-1])],
        }
        start += len(blocks[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blocks))


def _read_one(name: str, entry: Any, numbers: memoryview, path: Path) -> np.ndarray:
    try:
        kind, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        block = numbers[start:end]
        if kind == "BF16":  # the upper half of a single-precision number
            flat = (np.frombuffer(block, dtype="<u2").astype(np.uint32) << 16).view(np.float32)
        elif kind in NUMBERS:
            flat = np.frombuffer(block, dtype=NUMBERS[kind])
        else:
            what = f"complex numbers ({kind})" if str(kind).startswith("C") else kind
            raise ValueError(
                f"{path}: {name!r} holds {what}; real numbers as F64, F32, F16 and BF16 are read"
            )
        return flat.reshape(shape).astype(np.float64)
    except (KeyError, TypeError):
        raise ValueError(f"{path}: the header entry of {name!r} is damaged") from None
    except ValueError as error:
        raise ValueError(
            str(error) if str(path) in str(error) else f"{path}: {name!r} is cut off ({error})"
        ) from None
