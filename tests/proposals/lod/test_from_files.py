"""Rankings from files: the same bits whatever the shards and the processes, and after a kill at any step."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from objectcrop.proposals.lod.ranking import journal
from objectcrop.proposals.lod.ranking.from_files import (
    ScoreFiles,
    rank_from_files,
    ranking_origin,
    write_ranking,
)
from objectcrop.proposals.lod.ranking.ranking import rank_regions, symmetric_matrix
from objectcrop.proposals.lod.shards import read_arrays, write_arrays
from objectcrop.runtime.distributed import World
from objectcrop.runtime.signals import Stopped, StopRequest
from objectcrop.study.settings.proposals import LodProposals
from tests.proposals.lod.score_shards import OFFSETS, draw_blocks, write_shards

ROOT = Path(__file__).resolve().parents[3]
ALONE = World(0, 1, torch.device("cpu"))
LOD = LodProposals(kind="lod", features_run="r", max_iterations=12, seed_image_share=0.3)
PROGRAM = """
import os, signal, sys
from pathlib import Path
import numpy as np
from objectcrop.proposals.lod.ranking import journal
from objectcrop.proposals.lod.ranking.from_files import ScoreFiles, rank_from_files
from objectcrop.runtime.distributed import join_world
from objectcrop.runtime.signals import Stopped, StopRequest
from tests.proposals.lod.score_shards import OFFSETS
from tests.proposals.lod.test_from_files import LOD

folder, last_step, shards = Path(sys.argv[1]), int(sys.argv[2]), [Path(path) for path in sys.argv[3:]]
keep = journal.FileJournal.keep

def dying(self, phase, moment, *, is_last):
    keep(self, phase, moment, is_last=is_last)
    if phase == "walk" and moment.iterations == last_step:
        os.kill(os.getpid(), signal.SIGKILL)

journal.FileJournal.keep = dying
with join_world(0) as world:
    options = {"images_per_part": 2, "save_every_s": 0}
    ranked = rank_from_files(ScoreFiles(shards, OFFSETS), LOD, folder / "state", world, StopRequest(), **options)
    np.save(folder / f"scores-{world.rank}.npy", ranked.ranking.final.scores)
"""


def ranked(shards, state, **options):
    files = ScoreFiles(shards, OFFSETS)
    options = {"images_per_part": 2, "save_every_s": 0} | options
    return rank_from_files(files, LOD, state, ALONE, StopRequest(), **options)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    return ranked(write_shards(folder, 3, 1), folder / "state")


def start(folder, shards, rank: int, port: int, last_step: int) -> subprocess.Popen:
    place = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(last_step), *map(str, shards)]
    return subprocess.Popen(
        command, env=os.environ | place | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE
    )


def two_processes(folder, shards, last_step: int = -1) -> list[int]:
    """Run two processes that die after a step of the walk, and return their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pair = [start(folder, shards, rank, port, last_step) for rank in range(2)]
    messages = [process.communicate(timeout=120)[1].decode() for process in pair]
    codes = [process.returncode for process in pair]
    assert set(codes) <= {0, -signal.SIGKILL}, messages
    return codes


def test_from_files_the_ranking_is_that_of_the_matrix_in_memory(expected):
    pairs, blocks = draw_blocks(3)
    rows = np.concatenate([OFFSETS[a] + block.rows for (a, _), block in zip(pairs, blocks, strict=True)])
    columns = np.concatenate([OFFSETS[b] + block.columns for (_, b), block in zip(pairs, blocks, strict=True)])
    weights = symmetric_matrix(rows, columns, np.concatenate([b.values for b in blocks]), int(OFFSETS[-1]))
    in_memory = rank_regions(weights, OFFSETS, image_share=0.3, max_iterations=12)
    assert_allclose(expected.ranking.final.scores, in_memory.final.scores, rtol=1e-12)
    assert_allclose(expected.ranking.quadratic.scores, in_memory.quadratic.scores, rtol=1e-12)
    assert expected.ranking.final.iterations == in_memory.final.iterations == 12


def test_a_written_ranking_holds_the_scores_and_how_both_iterations_ended(tmp_path, expected):
    ids = [f"image-{number}" for number in range(len(OFFSETS) - 1)]
    write_ranking(tmp_path / "ranking.npz", expected, ids, OFFSETS)
    names = ("image_ids", "offsets", "scores", "quadratic_scores", "degrees", "iterations", "last_changes")
    read = dict(zip(names, read_arrays(tmp_path / "ranking.npz", *names), strict=True))
    final, quadratic = expected.ranking
    assert read["image_ids"].tolist() == ids
    assert_array_equal(read["offsets"], OFFSETS)
    assert_array_equal(read["scores"], final.scores)
    assert_array_equal(read["quadratic_scores"], quadratic.scores)
    assert_array_equal(read["degrees"], expected.degrees)
    assert read["iterations"].tolist() == [quadratic.iterations, final.iterations]
    assert read["last_changes"].tolist() == [quadratic.last_change, final.last_change]


@pytest.mark.parametrize("num_shards", [2, 5])
def test_the_number_of_shards_changes_no_bit(tmp_path, expected, num_shards):
    from_files = ranked(write_shards(tmp_path, 3, num_shards)[::-1], tmp_path / "state")
    assert_array_equal(from_files.ranking.final.scores, expected.ranking.final.scores)
    assert_array_equal(from_files.ranking.quadratic.scores, expected.ranking.quadratic.scores)
    assert_array_equal(from_files.degrees, expected.degrees)


@pytest.mark.parametrize("phase", ["quadratic", "walk"])
@pytest.mark.parametrize("step", [1, 7, 12])
def test_a_ranking_killed_after_any_step_resumes_to_the_same_bits(tmp_path, monkeypatch, expected, phase, step):
    shards, steps, keep = write_shards(tmp_path, 3, 2), [], journal.FileJournal.keep

    def dying(self, name, moment, *, is_last):
        keep(self, name, moment, is_last=is_last)
        steps.append((name, moment.iterations))
        if (name, moment.iterations) == (phase, step):
            raise KeyboardInterrupt

    monkeypatch.setattr(journal.FileJournal, "keep", dying)
    with pytest.raises(KeyboardInterrupt):
        ranked(shards, tmp_path / "state")
    steps.clear()
    monkeypatch.setattr(
        journal.FileJournal, "keep", lambda *arguments, **named: (keep(*arguments, **named), steps.append(arguments[1]))
    )
    resumed = ranked(shards, tmp_path / "state")
    assert_array_equal(resumed.ranking.final.scores, expected.ranking.final.scores)
    left = 24 - step - (12 if phase == "walk" else 0)
    assert len(steps) == left  # no step is done twice


def test_a_signal_saves_and_stops_between_two_steps(tmp_path, expected, capsys):
    shards, stop = write_shards(tmp_path, 3, 2), StopRequest()
    stop.signal = signal.SIGTERM
    with pytest.raises(Stopped) as stopped:
        rank_from_files(ScoreFiles(shards, OFFSETS), LOD, tmp_path / "state", ALONE, stop, images_per_part=2)
    assert stopped.value.code == 143
    assert "stopped after step 1 of quadratic" in capsys.readouterr().out
    resumed = ranked(shards, tmp_path / "state")
    assert_array_equal(resumed.ranking.final.scores, expected.ranking.final.scores)


def test_the_state_of_other_scores_is_not_resumed(tmp_path, expected):
    ranked(write_shards(tmp_path, 4, 2), tmp_path / "state")
    from_scratch = ranked(write_shards(tmp_path, 3, 2), tmp_path / "state")
    assert_array_equal(from_scratch.ranking.final.scores, expected.ranking.final.scores)


@pytest.mark.slow
def test_two_processes_killed_and_started_again_give_the_bits_of_one(tmp_path, expected):
    shards = write_shards(tmp_path, 3, 3)
    assert two_processes(tmp_path, shards, last_step=5) == [-signal.SIGKILL] * 2
    assert not (tmp_path / "scores-0.npy").exists()
    assert two_processes(tmp_path, shards) == [0, 0]
    for rank in range(2):
        assert_array_equal(np.load(tmp_path / f"scores-{rank}.npy"), expected.ranking.final.scores)


def test_the_state_belongs_to_the_content_of_the_scores_whatever_their_times(tmp_path):
    shards = write_shards(tmp_path, 3, 2)
    before = ranking_origin(ScoreFiles(shards, OFFSETS), LOD, "c0de")
    for shard in shards:
        os.utime(shard, (1, 1))
    assert ranking_origin(ScoreFiles(shards, OFFSETS), LOD, "c0de") == before

    with np.load(shards[1]) as archive:
        arrays = dict(archive)
    stat = shards[1].stat()
    arrays["values"][0] += 1
    write_arrays(shards[1], **arrays)
    os.utime(shards[1], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert shards[1].stat().st_size == stat.st_size
    assert ranking_origin(ScoreFiles(shards, OFFSETS), LOD, "c0de") != before, "size and time are those of before"


def test_a_state_of_other_scores_is_moved_aside_and_named(tmp_path, capsys):
    folder = tmp_path / "state"
    ranked(write_shards(tmp_path, 4, 2), folder)
    left = {path.name for path in folder.iterdir() if path.is_file()}
    assert "moved" not in capsys.readouterr().err
    ranked(write_shards(tmp_path, 3, 2), folder)
    aside = next(tmp_path.glob("state.stale-*"))
    assert f"{folder} was of other settings or scores; its state is moved to {aside}" in capsys.readouterr().err
    assert {path.name for path in aside.iterdir()} == left
    assert "inputs.json" in left


@pytest.mark.parametrize("change", ["lod", "images", "regions"])
def test_a_ranking_is_of_settings_regions_and_images(tmp_path, change):
    shards = write_shards(tmp_path, 3, 2)
    ids = [f"image-{number}" for number in range(len(OFFSETS) - 1)]
    before = ranking_origin(ScoreFiles(shards, OFFSETS, tuple(ids)), LOD, "c0de")
    lod = LOD.model_copy(update={"restart_weight": 0.5}) if change == "lod" else LOD
    if change == "images":
        ids[1] = "another"
    offsets = OFFSETS + (np.arange(len(OFFSETS)) == 1) if change == "regions" else OFFSETS
    assert ranking_origin(ScoreFiles(shards, offsets, ids), lod, "c0de").state != before.state


def test_a_file_of_scores_that_is_cut_off_is_named(tmp_path):
    shards = write_shards(tmp_path, 3, 2)
    shards[1].write_bytes(shards[1].read_bytes()[:-30])
    with pytest.raises(ValueError, match=rf"{shards[1].name}: not a file of scores"):
        ranking_origin(ScoreFiles(shards, OFFSETS), LOD, "c0de")
