"""A disk that is full or read-only ends a script with one line: the file, the free space, what to do; what was there stays."""

import errno
import os
import resource
import shutil
import subprocess
import threading

import numpy as np
import pandas as pd
import pytest
import torch

from objectcrop.networks.safetensors import write_safetensors
from objectcrop.proposals.lod.ranking.part_files import write_part
from objectcrop.runtime.atomic import replacing, write_text
from objectcrop.runtime.command import run
from objectcrop.runtime.disk import WriteError, explain_disk, writing
from objectcrop.runtime.torch_files import write_torch
from objectcrop.ssl.training.checkpoints import append_metrics, load_state, save_state
from objectcrop.tables import PROPOSALS, check, write_table

NUMBERS = np.random.default_rng(0).standard_normal(400_000).astype(np.float32)


def write_proposals(folder):
    rows = dict.fromkeys(("x1", "y1", "x2", "y2", "score"), NUMBERS[:100_000])
    rows |= {"image_id": "a", "rank": np.arange(100_000)}
    write_table(check(pd.DataFrame(rows), PROPOSALS, where="test"), folder / "out.parquet", PROPOSALS)


def copy_a_source(folder):
    source = folder.with_name("source")
    source.write_bytes(NUMBERS.tobytes())
    with replacing(folder / "out.copy") as aside:
        shutil.copyfile(source, aside)


WRITERS = {
    "out.pt": lambda folder: write_torch(folder / "out.pt", {"w": torch.from_numpy(NUMBERS)}),
    "out.safetensors": lambda folder: write_safetensors(
        folder / "out.safetensors", {"w": torch.from_numpy(NUMBERS)}, {}
    ),
    "out.parquet": write_proposals,
    "out.txt": lambda folder: write_text(folder / "out.txt", "a" * 1_600_000),
    "part.columns.npy": lambda folder: write_part(folder / "part", NUMBERS, NUMBERS, NUMBERS),
    "out.copy": copy_a_source,
}


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a file system of 1 MB."""
    folder = tmp_path / "full"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a file system of 1 MB cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_named_with_its_free_space_and_nothing_is_left(full_disk, name):
    (full_disk / name).write_text("old")
    free = "1" if name == "out.parquet" else "0"  # pyarrow removes what it has written before it says why
    with pytest.raises(
        WriteError, match=rf"{name}: the disk is full \({free}\.0 MB of 1\.0 are free on .*; free some space"
    ) as raised:
        WRITERS[name](full_disk)
    assert raised.value.errno == errno.ENOSPC
    assert (full_disk / name).read_text() == "old"
    assert os.listdir(full_disk) == [name]


@pytest.mark.parametrize("name", sorted(WRITERS.keys() - {"out.copy"}))
def test_a_file_beyond_the_limit_of_the_process_is_named_too(tmp_path, name):
    folder = tmp_path / "out"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(
            WriteError, match=r"out.*the file would be too large \(.*free some space or raise the limit"
        ):
            WRITERS[name](folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_read_only_disk_is_named(full_disk):
    (full_disk / "out.txt").write_text("old")
    subprocess.run(["mount", "-o", "remount,ro", str(full_disk)], check=True)
    for name in ("out.txt", "deep/out.txt"):
        with pytest.raises(WriteError, match=rf"{name}: the disk is read-only; correct the permissions or the disk"):
            write_text(full_disk / name, "new")
    assert (full_disk / "out.txt").read_text() == "old"


def test_the_state_before_stays_on_a_full_disk(full_disk):
    state = {"settings_hash": "s", "w": torch.from_numpy(NUMBERS[:150_000])}
    save_state(full_disk, state, step=1, kept=1)
    with pytest.raises(WriteError, match=r"state-0000000002\.pt: the disk is full"):
        save_state(full_disk, state, step=2, kept=1)
    assert load_state(full_disk, "s", torch.device("cpu"))["w"].shape == (150_000,)
    with pytest.raises(WriteError, match=r"metrics\.jsonl: the disk is full"):
        append_metrics(full_disk, {f"loss {number}": 0.1 for number in range(60_000)})


def ended(main, capsys):
    """Run a script's main that must end with code 1 and one line; return that line."""
    with pytest.raises(SystemExit) as end:
        run(main)
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full (%s MB of %s are free on the disk of %s); free some space"),
        (errno.EDQUOT, "the quota is used up (%s MB of %s are free on the disk of %s); free some space"),
        (errno.EROFS, "the disk is read-only; correct the permissions or the disk"),
        (errno.EACCES, "permission denied; correct the permissions or the disk"),
        (errno.EIO, "the disk does not read or write; correct the permissions or the disk"),
    ],
)
def test_a_script_ends_with_one_line_that_names_the_file(tmp_path, capsys, number, words):
    def main(argv):
        with replacing(tmp_path / "deep" / "out.json"):
            raise OSError(number, os.strerror(number))

    line = ended(main, capsys)
    first, *others = words.split("%s")
    assert line.startswith(f"error: {tmp_path}/deep/out.json: {first}")
    assert all(part in line for part in others)


def test_an_error_without_a_name_gives_the_space_of_each_disk_of_the_command_the_fullest_first(
    full_disk, capsys, monkeypatch
):
    def main(argv):
        raise OSError(errno.ENOSPC, "No space left on device")

    (full_disk / "out").mkdir()
    monkeypatch.chdir("/")
    words = ["--settings", '{"a": 1}', "--seed", "3", "--out", f"{full_disk}/out/deep/a.json", f"{full_disk}/b"]
    monkeypatch.setattr("sys.argv", ["script", *words])
    line = ended(main, capsys)
    assert line.startswith(
        "error: the disk is full, at a file that is not known (1.0 MB of 1.0 are free on the disk of "
    )
    assert line.count(f"on the disk of {full_disk}") == 1
    assert line.count("on the disk of ") <= 3


def test_a_file_that_cannot_be_read_keeps_its_own_name(tmp_path, capsys):
    def main(argv):
        with replacing(tmp_path / "out.json"):
            raise PermissionError(errno.EACCES, "Permission denied", "/data/images/a.jpg")

    assert ended(main, capsys).startswith("error: /data/images/a.jpg: permission denied")


def test_the_name_is_kept_where_closing_fails_again_without_it(tmp_path, capsys):
    def main(argv):
        try:
            with writing(tmp_path / "metrics.jsonl"):
                raise OSError(errno.ENOSPC, "No space left on device")
        finally:
            raise OSError(errno.ENOSPC, "No space left on device")

    assert f"{tmp_path}/metrics.jsonl: the disk is full" in ended(main, capsys)


def test_other_errors_of_the_system_are_no_faults_of_the_disk(tmp_path):
    assert explain_disk(ConnectionRefusedError(errno.ECONNREFUSED, "refused")) is None

    def main(argv):
        with writing(tmp_path):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    with pytest.raises(ConnectionRefusedError):
        run(main)


def test_a_thread_says_what_the_disk_said_in_one_line(tmp_path, capsys):
    def write():
        with writing(tmp_path / "events"):
            raise OSError(errno.ENOSPC, "No space left on device")

    def main(argv):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()

    run(main)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {tmp_path}/events: the disk is full")
