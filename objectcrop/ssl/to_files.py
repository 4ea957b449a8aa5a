"""A run's pretraining as files: written when it ends, and written again from its record if it ended before."""

from pathlib import Path
from typing import NamedTuple

from objectcrop.identity.finished import Finished
from objectcrop.identity.provenance import provenance
from objectcrop.networks.weights import save_backbone
from objectcrop.runtime.atomic import write_json
from objectcrop.runtime.checksum import file_sha256
from objectcrop.ssl.pretraining import Pretrained, Request, Tables, origin_of, pretrain
from objectcrop.ssl.training.checkpoints import remove_states


class OutputFiles(NamedTuple):
    """What a pretraining writes.

    Attributes:
        weights: of the backbone (.safetensors).
        summary: settings, versions, cost and history (JSON).
    """

    weights: Path
    summary: Path


def pretrain_to_files(request: Request, tables: Tables, states: Path, files: OutputFiles) -> None:
    """Train, or build, the backbone of a run and write it; a training that ended before is not trained again.

    Args:
        request: the run.
        tables: what it reads.
        states: folder of its states and of the record of its end.
        files: to write; the first process does.

    Raises:
        ValueError: listing what is wrong with the run, before any work.
        Stopped: after saving, when a signal asked for it.
    """
    outputs = {"backbone.safetensors": files.weights, "summary.json": files.summary}
    finished = Finished(states, origin_of(request, tables), outputs) if request.run.is_trained else None
    if finished is not None and finished.restore():
        return
    trained = pretrain(request, tables, states)
    if trained is None:  # the first process writes
        return
    _write(trained, request, files)
    if finished is not None:
        finished.keep()
        remove_states(states)


def _write(trained: Pretrained, request: Request, files: OutputFiles) -> None:
    precision = trained.summary["precision"] or "none"
    metadata = {"run": request.name, "seed": str(request.seeds.run), "precision": precision}
    save_backbone(trained.backbone, files.weights, metadata)
    digest = file_sha256(files.weights)
    write_json(files.summary, {**trained.summary, "provenance": provenance(), "sha256": digest})
