"""What a job ran with: the code's place in git, the device, the time of GPUs."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from objectcrop.identity import provenance as module
from objectcrop.identity.explanation import cost_in_words, device_in_words, device_of
from objectcrop.identity.machine import describe_device, describe_machine
from objectcrop.identity.making import Work, begin, gpus_of
from objectcrop.identity.provenance import provenance
from objectcrop.identity.record import read_record


def cuda(is_used):
    """A stand-in for PyTorch on a machine with a GPU."""
    used = SimpleNamespace(is_initialized=lambda: is_used, get_device_name=lambda: "NVIDIA H200")
    backends = SimpleNamespace(
        cudnn=SimpleNamespace(version=lambda: 91002), cpu=SimpleNamespace(get_cpu_capability=lambda: "AVX512")
    )
    version = SimpleNamespace(cuda="13.0")
    return SimpleNamespace(cuda=used, backends=backends, version=version, get_num_threads=lambda: 3)


def test_the_device_is_the_gpu_that_a_process_has_used_once_for_each_process(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", cuda(is_used=True))
    monkeypatch.setenv("WORLD_SIZE", "4")
    device = describe_device()
    assert device == {"kind": "cuda", "name": "NVIDIA H200", "num_gpus": 4, "cuda": "13.0", "cudnn": 91002}
    assert device_in_words(device) == "4 x NVIDIA H200 (cuda 13.0, cudnn 91002)"


def test_the_device_is_the_processor_with_the_kernels_in_use_where_no_gpu_was_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", cuda(is_used=False))
    processor = describe_machine()["processor"]
    device = describe_device()
    assert device == {"kind": "cpu", "name": processor, "num_gpus": 0, "kernels": "AVX512", "num_threads": 3}
    assert device_in_words(device) == f"{processor}, AVX512 kernels, 3 threads"
    monkeypatch.delitem(sys.modules, "torch")
    assert describe_device() == {"kind": "cpu", "name": processor, "num_gpus": 0}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository in which the module of the provenance is."""

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()

    file = tmp_path / "objectcrop/identity/provenance.py"
    file.parent.mkdir(parents=True)
    file.write_text("first")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    monkeypatch.setattr(module, "__file__", str(file))
    return file, git("rev-parse", "HEAD")


def test_the_commit_is_stated_whole_and_whether_a_file_was_changed_since(checkout):
    file, revision = checkout
    clean = provenance()
    assert (clean["revision"], clean["is_dirty"]) == (revision, False)
    assert revision.startswith(clean["commit"])
    file.write_text("second")
    dirty = provenance()
    assert (dirty["revision"], dirty["is_dirty"]) == (revision, True)
    assert dirty["commit"] == f"{clean['commit']}-dirty"


def test_outside_a_checkout_nothing_is_said_of_git(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "__file__", str(tmp_path / "objectcrop/identity/provenance.py"))
    found = provenance()
    assert (found["commit"], found["revision"], found["is_dirty"]) == (None, None, None)


@pytest.mark.parametrize(
    ("command", "number"),
    [("pretrain --seed 0 --gpus 8 --threads 2", 8), ("pretrain --gpus=2", 2), ("select_ohms --threads 2", 0)],
)
def test_gpus_are_those_of_the_command(command, number):
    assert gpus_of(["python", "-m", *command.split()]) == number


def made(tmp_path, monkeypatch, *, gpus):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out.json"
    work = Work("pretrain", {}, {"seed": 0}, {}, [out], ["python", "-m", "pretrain", "--gpus", str(gpus)])
    making = begin(work)
    out.write_text("{}")
    making.finish()
    return read_record(out)


def test_a_record_has_the_time_of_the_gpus_and_what_a_launcher_of_several_knows_of_them(tmp_path, monkeypatch):
    record = made(tmp_path, monkeypatch, gpus=4)
    story = record.story
    assert story["num_gpus"] == 4
    assert story["gpu_seconds"] == pytest.approx(4 * story["seconds"], abs=0.01)
    assert story["device"] == {"kind": "cuda", "name": None, "num_gpus": 4}
    assert device_in_words(story["device"]) == "4 x GPU"
    assert f"{story['gpu_seconds']} s of GPUs" in cost_in_words(story)


def test_the_device_is_that_of_the_process_that_wrote_the_result(tmp_path, monkeypatch):
    record = made(tmp_path, monkeypatch, gpus=0)
    assert device_of(record) == record.story["device"]
    (tmp_path / "out.json").write_text('{"provenance": {"device": {"kind": "cuda", "name": "A", "num_gpus": 2}}}')
    assert device_of(record)["name"] == "A"
    assert "GPUs" not in cost_in_words(record.story)
