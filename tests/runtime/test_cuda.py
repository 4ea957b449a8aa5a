"""TF32 and the choice of convolutions hold for the length of a training on a GPU."""

import pytest
import torch

from objectcrop.runtime.cuda import fast_gpu


def switches():
    backends = torch.backends
    return backends.cuda.matmul.fp32_precision, backends.cudnn.conv.fp32_precision, backends.cudnn.benchmark


def test_a_gpu_computes_in_tf32_inside_the_block_alone():
    before = switches()
    with fast_gpu(torch.device("cuda", 0)):
        assert switches() == ("tf32", "tf32", True)
    with pytest.raises(ZeroDivisionError), fast_gpu(torch.device("cuda", 0)):
        raise ZeroDivisionError
    assert switches() == before != ("tf32", "tf32", True)


def test_a_cpu_changes_nothing():
    before = switches()
    with fast_gpu(torch.device("cpu")):
        assert switches() == before
