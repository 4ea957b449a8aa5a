"""What a study has ended with: the SHA-256 of each file whose bytes must not depend on what happened on the way."""

import hashlib
import json
from pathlib import Path

FILES = ("results/tables/*.*", "results/proposals/**/*.parquet", "results/pretrain/*/s*/backbone.safetensors")


def digests(folder: Path) -> dict[str, str]:
    """Return the digests of tables, proposals and weights by path, and those of the metrics of every result."""
    files = sorted(path for pattern in FILES for path in folder.glob(pattern) if path.is_file())
    contents = {path: path.read_bytes() for path in files}
    for path in sorted(folder.glob("results/eval/*/s*/*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        contents[path] = json.dumps([result["metrics"], result.get("per_class")], sort_keys=True).encode()
    return {path.relative_to(folder).as_posix(): hashlib.sha256(data).hexdigest() for path, data in contents.items()}


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return the paths that differ, or that only one has."""
    return sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))
