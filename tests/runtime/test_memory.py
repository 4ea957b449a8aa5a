"""The cap holds inside the block, and only there."""

import resource
import sys

import pytest

from objectcrop.runtime.memory import memory_limit

MIB = 2**20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports how much a process has")


def test_more_than_the_cap_is_rejected_and_less_is_given():
    with memory_limit(200 * MIB):
        assert len(bytearray(20 * MIB)) == 20 * MIB
        with pytest.raises(MemoryError):
            bytearray(400 * MIB)
    assert len(bytearray(400 * MIB)) == 400 * MIB


def test_the_limit_before_is_back_after_an_error():
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(KeyError), memory_limit(200 * MIB):
        raise KeyError
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_a_lower_limit_stays():
    with memory_limit(200 * MIB):
        outer = resource.getrlimit(resource.RLIMIT_AS)
        with memory_limit(400 * MIB):
            assert resource.getrlimit(resource.RLIMIT_AS) == outer
