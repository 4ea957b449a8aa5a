"""Bytes and bounds of a step on a GPU, by cases that are reckoned by hand; on the CPU, as a count needs no GPU."""

import sys

import pytest
import torch
from torch import nn

from benchmarks.gpu_parts.ceilings import Ceilings
from benchmarks.step_parts.traffic import Traffic

FLOAT = 4


@pytest.fixture(scope="module")
def roofline(root):
    sys.path.insert(0, str(root / "benchmarks"))
    try:
        import gpu_parts.roofline
    finally:
        sys.path.remove(str(root / "benchmarks"))
    return gpu_parts.roofline


def test_a_product_of_matrices_reads_both_and_writes_one(roofline):
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    moved = FLOAT * (3 * 5 + 5 * 7 + 3 * 7)
    assert roofline.count(lambda: left @ right) == (2 * 3 * 5 * 7, moved, moved)


def test_an_elementwise_operator_moves_bytes_that_a_compiler_may_fuse_away(roofline):
    left, right = torch.ones(6, 4), torch.ones(6, 4)
    assert roofline.count(lambda: left + right) == (0, 3 * FLOAT * 6 * 4, 0)
    assert roofline.count(lambda: left.add_(right)) == (0, 3 * FLOAT * 6 * 4, 0)


def test_a_number_that_is_spread_is_read_once_and_a_view_moves_nothing(roofline):
    image, number = torch.ones(6, 4), torch.ones(1).expand(6, 4)
    assert roofline.count(lambda: image * number) == (0, FLOAT * (2 * 6 * 4 + 1), 0)
    assert roofline.count(lambda: image.view(3, 8).t()) == (0, 0, 0)


def test_a_convolution_forward_and_backward(roofline):
    """2 images of 3 channels and 8 x 8 pixels, 5 kernels of 3 x 3: 6 x 6 places."""
    layer, images = nn.Conv2d(3, 5, 3, bias=False), torch.ones(2, 3, 8, 8)
    flops = 2 * 2 * 5 * 6 * 6 * 3 * 3 * 3
    inputs, kernels, outputs = 2 * 3 * 8 * 8, 5 * 3 * 3 * 3, 2 * 5 * 6 * 6
    forward = FLOAT * (inputs + kernels + outputs)
    with torch.no_grad():
        assert roofline.count(lambda: layer(images)) == (flops, forward, forward)
    made, gradient = layer(images), torch.ones(2, 5, 6, 6)
    # images need no gradient: that of the outputs and both others are read, that of the kernels is written
    backward = FLOAT * (outputs + inputs + kernels + kernels)
    assert roofline.count(lambda: made.backward(gradient)) == (flops, backward, backward)


CEILINGS = Ceilings(teraflops=2.0, memory_gb_per_s=500.0, host_gb_per_s=10.0)


def test_the_bound_is_what_takes_longer(roofline):
    assert roofline.bound(4e12, 100e9, CEILINGS) == (2.0, "products")
    assert roofline.bound(1e12, 400e9, CEILINGS) == (0.8, "memory")


def test_shares_are_of_the_time_that_the_step_took(roofline):
    rows = roofline.roofline(roofline.Work(int(1e12), int(400e9), int(100e9)), 1.6, CEILINGS)
    assert rows == {
        "TFLOP a step": 1.0,
        "GB a step, every operator": 400.0,
        "GB a step, products alone": 100.0,
        "bound by every operator, ms": 800.0,
        "share of the bound by every operator": 0.5,
        "bound by products alone, ms": 500.0,
        "share of the bound by products alone": pytest.approx(0.3125),
    }


def test_bytes_of_products_are_among_those_of_all():
    left = torch.ones(4, 4)
    with Traffic() as traffic:
        torch.relu(left @ left)
    assert (traffic.operations, traffic.bytes, traffic.product_bytes) == (2, 5 * 16 * FLOAT, 3 * 16 * FLOAT)
