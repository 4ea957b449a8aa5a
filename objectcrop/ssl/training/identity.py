"""What a training's state belongs to: settings, seeds, the recipe and the content of the tables that it reads."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from objectcrop.identity.record import identity
from objectcrop.runtime.checksum import file_sha256
from objectcrop.runtime.randomness import Seeds
from objectcrop.ssl.training.checkpoints import STATE_LAYOUT
from objectcrop.ssl.training.recipe import RECIPE
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded

READ_OF_SUMMARY = ("object_scale_min", "features")
"""What a training reads of the summary of its proposals; the rest may change, as its versions and costs."""


def training_identity(
    run: Run,
    seeds: Seeds,
    tables: Mapping[str, pd.DataFrame | None],
    proposals_summary: Mapping[str, Any] | None,
    data_root: Path,
) -> str:
    """Return the identity of a training: of all that it depends on but its code, which RECIPE stands for.

    Of its tables the rows count that it reads: one more test image, or a proposal's cost, leaves its state of use.

    Args:
        run: settings.
        seeds: of the study and of the run.
        tables: `manifest`, and `annotations` and `proposals` where the run reads them; rows of other splits do not count.
        proposals_summary: summary of the proposals.
        data_root: folder of the file of weights that it starts from, if it does.
    """
    manifest = tables["manifest"]
    assert manifest is not None
    training = manifest[manifest["split"] == "train"]
    ids = pa.array(training["image_id"], pa.large_string())
    contents = {"manifest": [_digest(training)]}
    for name in ("annotations", "proposals"):
        if (table := tables.get(name)) is not None:
            contents[name] = [_digest(table[_are_among(table["image_id"], ids)])]
    if run.backbone.init_from is not None:
        contents["initial_weights"] = [file_sha256(data_root / run.backbone.init_from)]
    summary = proposals_summary or {}
    settings = {
        "run": recorded(run),
        "study_seed": seeds.study,
        "recipe": RECIPE,
        "state_layout": STATE_LAYOUT,
        "proposals_summary": {name: summary[name] for name in READ_OF_SUMMARY if name in summary},
    }
    return identity("pretrain", settings, {"seed": seeds.run}, contents)


def _digest(table: pd.DataFrame) -> str:
    """Return a SHA-256 of columns and values, whatever types of text and how many pieces they are held in."""
    digest = hashlib.sha256()
    for name in table.columns:
        values = table[name]
        digest.update(f"{name} {len(values)}\n".encode())
        if pd.api.types.is_numeric_dtype(values):
            digest.update(np.ascontiguousarray(values.to_numpy()).data)
            continue
        texts = pa.concat_arrays([pa.array([], pa.large_string()), *_chunks(pa.array(values, pa.large_string()))])
        digest.update(pc.binary_length(texts).to_numpy(zero_copy_only=False).data)
        digest.update(texts.buffers()[2] or b"")
    return digest.hexdigest()


def _are_among(texts: pd.Series, known: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.is_in(pa.array(texts, pa.large_string()), value_set=known))


def _chunks(texts: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
