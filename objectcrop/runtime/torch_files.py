"""Files of torch.save: written whole or not at all, and read only if every byte is as it was written."""

import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from objectcrop.runtime.atomic import replacing


class DamagedStateError(ValueError):
    """A state that is cut off or damaged."""


_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    pickle.UnpicklingError,
    struct.error,
    ValueError,
    RuntimeError,
    EOFError,
    OSError,
)


def write_torch(path: str | Path, value: Any) -> None:
    """Write a value atomically by torch.save.

    Raises:
        WriteError: naming the file, if the disk does not take it.
    """
    with replacing(path) as aside, aside.open("wb") as file:
        try:
            torch.save(value, file)
        except RuntimeError as error:
            # its archive complains of its own end instead of what the disk said
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise


def read_whole(path: Path, device: torch.device) -> dict[str, Any]:
    """Return a state whose every byte is as it was written (torch itself does not check).

    Raises:
        DamagedStateError: if it is cut off or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            # torch reads nothing of what is marked as a folder: the tensor then holds what was in memory
            damaged = damaged or next((part.filename for part in archive.infolist() if part.external_attr), None)
        if damaged is not None:
            raise DamagedStateError(f"{path}: damaged at {damaged}")
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except DamagedStateError:
        raise
    except _DAMAGE as error:
        why = " ".join(str(error).split())
        raise DamagedStateError(f"{path}: cannot be read ({why})") from error
    return state
