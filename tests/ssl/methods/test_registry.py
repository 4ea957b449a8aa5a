"""The registry has every method that the settings name and that trains."""

from typing import get_args

import pytest

from objectcrop.ssl.methods.registry import METHODS, build_method
from objectcrop.study.settings.runs import Method, Run
from tests.ssl.wiring import setup_of


def test_every_method_of_the_settings_that_trains_has_a_class():
    names = [name for name in get_args(Method) if Run(dataset="tiny", method=name, backbone=of(name)).is_trained]
    assert sorted(names) == sorted(METHODS)


def of(method):
    return {"weights": "some.pth"} if method == "external" else {}


def test_a_method_that_does_not_train_is_rejected():
    run = Run(dataset="tiny", method="random_init")
    with pytest.raises(ValueError, match="method 'random_init' does not train, choose among moco_v2, densecl"):
        build_method(setup_of(run))


def test_a_supervised_method_needs_labels():
    with pytest.raises(ValueError, match="needs labels"):
        build_method(setup_of(Run(dataset="tiny", method="supervised")))
