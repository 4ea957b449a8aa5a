"""Which precision a device gets, and what is said of it."""

import pytest
import torch

from objectcrop.runtime import precision
from objectcrop.runtime.precision import autocast, describe_precision, has_native_bfloat16, resolve_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def cpu_with(monkeypatch):
    precision._warn_of_slow_bfloat16.cache_clear()

    def make(*, native):
        monkeypatch.setattr(precision, "has_native_bfloat16", lambda device: native)

    return make


@pytest.mark.parametrize(("native", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_takes_bfloat16_where_it_is_native_and_float32_elsewhere(cpu_with, native, expected):
    cpu_with(native=native)
    assert resolve_precision("auto", CPU) == expected
    assert autocast("auto", CPU).fast_dtype == torch.bfloat16
    assert autocast("auto", CPU)._enabled is native


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
@pytest.mark.parametrize("native", [True, False])
def test_what_is_asked_for_by_name_is_taken(cpu_with, asked, native):
    cpu_with(native=native)
    assert resolve_precision(asked, CPU) == asked


def test_slow_bfloat16_is_warned_about_once_with_its_cost(cpu_with, capsys):
    cpu_with(native=False)
    for _ in range(3):
        resolve_precision("bfloat16", CPU)
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert "9 to 14 times as long as in float32" in warning
    assert "set precision auto" in warning


@pytest.mark.parametrize("asked", ["auto", "float32"])
def test_nothing_is_warned_about_otherwise(cpu_with, capsys, asked):
    cpu_with(native=False)
    resolve_precision(asked, CPU)
    cpu_with(native=True)
    resolve_precision("bfloat16", CPU)
    assert capsys.readouterr().err == ""


def test_only_the_first_of_several_processes_warns(cpu_with, capsys, monkeypatch):
    cpu_with(native=False)
    monkeypatch.setenv("RANK", "1")
    resolve_precision("bfloat16", CPU)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("capability", "native"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_gpus_have_native_bfloat16_from_capability_8_0_on(monkeypatch, capability, native):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert has_native_bfloat16(GPU) is native


def test_a_cpu_has_native_bfloat16_if_onednn_says_so():
    assert has_native_bfloat16(CPU) is bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def test_the_line_for_the_log_says_why(cpu_with):
    cpu_with(native=True)
    assert describe_precision("auto", CPU) == "precision bfloat16 (auto: this CPU has native bfloat16)"
    assert describe_precision("float32", CPU) == "precision float32, as asked for"
