"""Files of tensors in the safetensors format, with a digest of all that they hold.

They are written and read here, as a bare GPU node lacks the package; tests hold ours against it. The format
(github.com/huggingface/safetensors): length of the header (8 bytes, little endian), header (JSON: dtype, shape, offsets of
each tensor, and text under `__metadata__`), then the bytes of the tensors.

Our files state the SHA-256 of header and tensors in their metadata, and that they were written here, so that a damaged
digest is not taken for a file without one. Files of other tools are read as they are.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from objectcrop.runtime.atomic import replacing

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_ALIGNMENT = 8
_METADATA = "__metadata__"
DIGEST, WRITER = "sha256", "writer"
_OURS = "objectcrop"
_REMEDY = "remove it and run snakemake again (rule pretrain makes a run's backbone), or get it again from where it came"


def write_safetensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors atomically; equal tensors give equal files.

    Args:
        path: of the file.
        tensors: by name.
        metadata: text by name; `sha256` and `writer` are added.
    """
    # the widest types first keep every tensor aligned, as the package orders them
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    stated = {**metadata, WRITER: _OURS}
    header: dict[str, Any] = {_METADATA: stated}
    blobs, offset = [], 0
    for name in names:
        tensor = tensors[name].detach().cpu().contiguous()
        blob = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        end = offset + len(blob)
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        blobs.append(blob)
        offset = end
    header[_METADATA] = dict(sorted({**stated, DIGEST: _digest(header, *blobs)}.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with replacing(path) as aside, aside.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.writelines(blobs)


def read_safetensors(path: str | Path) -> dict[str, Tensor]:
    """Read every tensor of a file.

    Raises:
        ValueError: naming the file, if it is damaged, cut off, or no such file.
    """
    content = _read(Path(path))
    tensors = {}
    for name, place in content.places.items():
        # an empty tensor has no bytes to view as another type
        is_empty = place.end == place.start
        values = torch.from_numpy(content.body[place.start : place.end].copy())
        flat = torch.empty(0, dtype=place.dtype) if is_empty else values.view(place.dtype)
        tensors[name] = flat.reshape(place.shape)
    return tensors


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the text that a file states beside its tensors; all of the file is read, as its digest is of all.

    Raises:
        ValueError: as `read_safetensors`.
    """
    return _read(Path(path)).metadata


class _Place(NamedTuple):
    """A tensor of a file."""

    dtype: torch.dtype
    shape: list[int]
    start: int
    end: int


class _Content(NamedTuple):
    """A file whose header fits its bytes, and its digest, if it states one, both."""

    metadata: dict[str, str]
    places: dict[str, _Place]
    body: NDArray[np.uint8]


def _read(path: Path) -> _Content:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + length]) if 0 < length <= len(data) - 8 else None
    except (ValueError, RecursionError):  # no JSON, or text that is no UTF-8
        header = None
    if not isinstance(header, dict):
        raise ValueError(f"{path}: not a safetensors file, or cut off; {_REMEDY}")
    body = np.frombuffer(data, dtype=np.uint8)[8 + length :]
    try:
        metadata = _metadata(header)
        places = {name: _place(name, entry) for name, entry in header.items() if name != _METADATA}
        _check_cover(places, len(body))
        _check_digest(header, metadata, body)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {_REMEDY}") from error
    return _Content(metadata, places, body)


def _metadata(header: dict[str, Any]) -> dict[str, str]:
    metadata = header.get(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError(f"its {_METADATA} is not text by name")
    return metadata


def _place(name: str, entry: Any) -> _Place:
    fields = entry if isinstance(entry, dict) else {}
    code, shape, offsets = (fields.get(field) for field in ("dtype", "shape", "data_offsets"))
    dtype = _DTYPES.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise ValueError(f"tensor {name!r} has dtype {code!r}, expected one of {', '.join(_DTYPES)}")
    if not _is_counts(shape):
        raise ValueError(f"tensor {name!r} has shape {shape!r}, expected a list of integers of at least 0")
    if not _is_counts(offsets) or len(offsets) != 2:
        raise ValueError(f"tensor {name!r} has offsets {offsets!r}, expected two integers of at least 0")
    start, end = offsets
    expected = math.prod(shape) * dtype.itemsize
    if end - start != expected:
        raise ValueError(f"tensor {name!r} has {end - start} bytes, expected {expected} of {code} and shape {shape}")
    return _Place(dtype, shape, start, end)


def _is_counts(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_cover(places: Mapping[str, _Place], num_bytes: int) -> None:
    """Each byte belongs to one tensor.

    Raises:
        ValueError: naming the tensor that overlaps another or leaves a gap, or if the file ends too early or too late.
    """
    end = 0
    for name, place in sorted(places.items(), key=lambda item: (item[1].start, item[1].end)):
        if place.start != end:
            raise ValueError(f"tensor {name!r} begins at byte {place.start}, expected {end}, the end of the one before")
        end = place.end
    if end != num_bytes:
        raise ValueError(f"{num_bytes} bytes of tensors, the header states {end}: cut off")


def _check_digest(header: dict[str, Any], metadata: dict[str, str], body: NDArray[np.uint8]) -> None:
    if metadata.get(WRITER) != _OURS and DIGEST not in metadata:
        return
    stated = {name: value for name, value in metadata.items() if name != DIGEST}
    if _digest({**header, _METADATA: stated}, body.data) != metadata.get(DIGEST):
        raise ValueError("damaged: the SHA-256 of header and tensors is not the one that it states")


def _digest(header: Mapping[str, Any], *blobs: bytes | memoryview) -> str:
    """SHA-256 of a header without one, and of the bytes of tensors."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True, separators=(",", ":")).encode())
    for blob in blobs:
        digest.update(blob)
    return digest.hexdigest()
