"""How a GPU computes while a network is trained on it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def fast_gpu(device: torch.device) -> Iterator[None]:
    """Let a GPU take float32 as TF32 in products and convolutions, and try which convolution is fastest; restore both after.

    Nothing changes where `device` is no GPU.
    """
    if device.type != "cuda":
        yield
        return
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn.conv  # type: ignore[attr-defined]
    before = products.fp32_precision, convolutions.fp32_precision, torch.backends.cudnn.benchmark
    products.fp32_precision = convolutions.fp32_precision = "tf32"
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        products.fp32_precision, convolutions.fp32_precision, torch.backends.cudnn.benchmark = before
