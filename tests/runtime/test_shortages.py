"""Too little memory and workers that are killed end a script with one line that says what to do."""

import os
import re
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch
from torch.utils.data import Dataset

from objectcrop.runtime.command import run
from objectcrop.runtime.memory import memory_limit
from objectcrop.ssl.samples.order import load_batches


class _Deadly(Dataset):
    def __getitems__(self, batch):
        os.kill(os.getpid(), signal.SIGKILL)


def read_from_a_killed_loader():
    list(load_batches(_Deadly(), [[0, 1]], num_workers=1, device=torch.device("cpu")))


def share_work_with_a_killed_process():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(os.kill, os.getpid(), 0).result()
        pool.submit(os._exit, 9).result()


def ask_numpy_for_too_much():
    with memory_limit(1 << 28):
        bytearray(1 << 34)


def ask_torch_for_too_much():
    with memory_limit(1 << 28):
        torch.zeros(1 << 34)


def raise_as_a_gpu_does():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (read_from_a_killed_loader, r"DataLoader worker \(pid[^)]*\)? \d+\) ended without a word"),
        (share_work_with_a_killed_process, "a process that shared the work ended without a word"),
        (ask_numpy_for_too_much, "memory is short"),
        (ask_torch_for_too_much, "memory is short .*can't allocate memory"),
        (raise_as_a_gpu_does, "memory is short .*CUDA out of memory"),
    ],
)
def test_it_ends_with_one_line(capfd, work, words):
    with pytest.raises(SystemExit) as ended:
        run(lambda argv: work())
    assert ended.value.code == 1
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    (line,) = lines
    assert re.search(words, line), line
    assert line.endswith("Run the same command again: what is saved is not made again")


def test_another_error_of_ours_keeps_its_traceback():
    def fail(argv):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        run(fail)
