"""What steps gave is read at once, and nothing of it is lost."""

import pytest
import torch

from objectcrop.ssl.methods.method import StepLosses
from objectcrop.ssl.training.metrics import Window

IDS = [f"i{number}" for number in range(30)]


def losses(value, **parts):
    return StepLosses(torch.tensor(value), {name: torch.tensor(part) for name, part in parts.items()})


def test_each_step_is_given_back_by_name_once():
    window = Window()
    window.add(0, [1], losses(3.0, loss=3.0, accuracy=0.5))
    window.add(1, [2], losses(2.0, loss=2.0))  # a part that some steps lack
    assert window.take(IDS) == [{"loss": 3.0, "accuracy": 0.5}, {"loss": 2.0}]
    assert window.take(IDS) == []


def test_the_first_step_whose_loss_is_not_finite_is_named_with_its_images_however_late_it_is_read():
    window = Window()
    for step, value in enumerate((1.0, float("nan"), float("inf"))):
        window.add(step, list(range(10 * step, 10 * step + 10)), losses(value, loss=value))
    with pytest.raises(ValueError, match=r"loss of step 1 is nan \(images i10, i11, .*, i17 \.\.\.\)"):
        window.take(IDS)


def test_a_part_that_is_not_finite_is_no_error():
    window = Window()
    window.add(0, [1], losses(1.0, similarity=float("nan")))
    (values,) = window.take(IDS)
    assert values["similarity"] != values["similarity"]


def test_steps_do_not_wait_for_the_device():
    """Adding reads no value: a tensor without any (on the meta device) passes, until it is taken."""
    window = Window()
    window.add(0, [1], StepLosses(torch.ones((), device="meta"), {"loss": torch.ones((), device="meta")}))
    with pytest.raises(RuntimeError, match="meta tensor"):
        window.take(IDS)
