"""Say whether the tables of two folders hold the same: `python compare.py FOLDER OTHER`; exit code 1 and the place if not."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def column(path: Path, name: str) -> pa.ChunkedArray:
    values = pq.ParquetFile(path).read(columns=[name])[name]
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    return values.cast(pa.large_string() if kind in (pa.string(), pa.large_string()) else kind)


def main(folder: Path, other: Path) -> None:
    files = sorted(path.name for path in other.glob("*.parquet"))
    for file in files:
        names = pq.ParquetFile(folder / file).schema_arrow.names
        if names != pq.ParquetFile(other / file).schema_arrow.names:
            sys.exit(f"{file}: other columns")
        for name in names:
            ours, theirs = column(folder / file, name), column(other / file, name)
            if len(ours) != len(theirs) or not pc.all(pc.equal(ours, theirs)).as_py():
                sys.exit(f"{file}: {name} differs")
    print(f"the {len(files)} tables of both hold the same")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
