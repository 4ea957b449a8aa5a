"""Draw a box CSV of the shape of Open Images' training file: `python draw.py FOLDER NUM_ROWS`.

The real file (V4) has 14,610,229 boxes of 600 classes in 1,743,042 images, sorted by image. Ours has as many boxes
an image (long-tailed), classes of a Zipf-Mandelbrot law, and boxes of one class in a row, as images show several of a kind.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

REAL_ROWS, REAL_IMAGES, NUM_CLASSES = 14_610_229, 1_743_042, 600
BLOCK_ROWS = 500_000
REPEAT_SHARE = 0.55
"""Boxes that show what the box before them in the image shows."""


def class_ids() -> list[str]:
    return [f"/m/0{number * 7919 % 1_000_003:05x}" for number in range(NUM_CLASSES)]


def image_ids(count: int, rng: np.random.Generator) -> pa.Array:
    """Sorted ids of 16 hexadecimal digits."""
    numbers = np.unique(rng.integers(0, 2**63, size=count + count // 100, dtype=np.uint64))[:count]
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    shifts = np.arange(60, -4, -4, dtype=np.uint64)
    text = digits[(numbers[:, None] >> shifts & np.uint64(15)).astype(np.uint8)]
    offsets = np.arange(0, 16 * (len(numbers) + 1), 16, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(numbers), [None, pa.py_buffer(offsets), pa.py_buffer(text.tobytes())])


def image_of_row(num_rows: int, num_images: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """At least one box an image, the others by a log-normal weight."""
    weights = rng.lognormal(sigma=0.9, size=num_images)
    counts = 1 + rng.multinomial(num_rows - num_images, weights / weights.sum())
    return np.repeat(np.arange(num_images, dtype=np.int32), counts)


def class_of_row(image: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int16]:
    shares = (np.arange(NUM_CLASSES) + 6.0) ** -1.8
    drawn = rng.choice(NUM_CLASSES, size=len(image), p=shares / shares.sum()).astype(np.int16)
    fresh = rng.random(len(image)) >= REPEAT_SHARE
    fresh[0] = True
    fresh[1:] |= image[1:] != image[:-1]
    return drawn[np.maximum.accumulate(np.where(fresh, np.arange(len(image)), 0))]


def sides(count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high ends, shares of the image with six decimals as in the file; most objects are small."""
    length = rng.beta(0.9, 2.5, size=count)
    low = rng.random(count) * (1 - length)
    return np.round(low, 6), np.round(low + length, 6)


def block(ids: pa.Array, image: NDArray[np.int32], class_: NDArray[np.int16], rng: np.random.Generator) -> pa.Table:
    count = len(image)
    (x1, x2), (y1, y2) = sides(count, rng), sides(count, rng)

    def flag(share: float) -> NDArray[np.int8]:
        return (rng.random(count) < share).astype(np.int8)

    sources = pa.array(["verification", "xclick", "activemil"])
    columns = {
        "ImageID": ids.take(pa.array(image)),
        "Source": sources.take(pa.array(rng.choice(3, size=count, p=[0.05, 0.9, 0.05]))),
        "LabelName": pa.array(class_ids()).take(pa.array(class_)),
        "Confidence": np.ones(count, dtype=np.int8),
        **{"XMin": x1, "XMax": x2, "YMin": y1, "YMax": y2},
        **{"IsOccluded": flag(0.66), "IsTruncated": flag(0.25), "IsGroupOf": flag(0.06)},
        **{"IsDepiction": flag(0.05), "IsInside": flag(0.001)},
    }
    return pa.table(columns)


def draw(folder: Path, num_rows: int) -> None:
    rng = np.random.default_rng(0)
    num_images = max(1, round(num_rows * REAL_IMAGES / REAL_ROWS))
    ids = image_ids(num_images, rng)
    image = image_of_row(num_rows, num_images, rng)
    class_ = class_of_row(image, rng)
    (folder / "train").mkdir(parents=True)
    (folder / "names.csv").write_text("".join(f"{mid},Class {n}\n" for n, mid in enumerate(class_ids())))
    schema = block(ids, image[:1], class_[:1], rng).schema
    options = pacsv.WriteOptions(quoting_style="none", include_header=False)
    with (folder / "train.csv").open("wb") as file:
        file.write((",".join(schema.names) + "\n").encode())
        with pacsv.CSVWriter(file, schema, write_options=options) as writer:
            for start in range(0, num_rows, BLOCK_ROWS):
                part = slice(start, start + BLOCK_ROWS)
                writer.write_table(block(ids, image[part], class_[part], rng))


if __name__ == "__main__":
    draw(Path(sys.argv[1]), int(sys.argv[2]))
