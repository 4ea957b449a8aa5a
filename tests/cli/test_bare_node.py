"""What computes runs where torch and the packages of arrays are, and nothing else of ours."""

import pytest

from tests import bare_python
from tests.cli.test_pretrain import arguments, proposals  # noqa: F401  a fixture

ABSENT = ("tqdm", "urllib3", "safetensors", "snakemake", "detectron2", "fiftyone", "timm", "tensorboard")
IMPORT_ROOMS = f"""
import importlib, importlib.util, pkgutil

assert not [name for name in {ABSENT} if importlib.util.find_spec(name)]
for room in ("boxes", "tables", "data", "ohms", "proposals", "views", "ssl", "evaluate.linear", "runtime", "study"):
    module = importlib.import_module("objectcrop." + room)
    for inner in pkgutil.walk_packages(getattr(module, "__path__", ()), module.__name__ + "."):
        if not inner.name.startswith("objectcrop.data.downloads."):
            importlib.import_module(inner.name)
print("imported")
"""
TRAIN = """
import sys
from workflow_scripts.pretrain import main

main(sys.argv[1:])
"""


@pytest.mark.slow
def test_the_rooms_that_compute_import(root, tmp_path):
    done = bare_python.run(bare_python.GPU_NODE, tmp_path, root, IMPORT_ROOMS)
    assert done.stdout == "imported\n", done.stderr


@pytest.mark.slow
def test_a_run_is_trained(root, arguments, tmp_path):  # noqa: F811
    views = {"size_px": 32, "regions": ["object", "dilated_object"], "proposals": "lod"}
    done = bare_python.run(
        bare_python.GPU_NODE, tmp_path, root, TRAIN, *arguments(*proposals(tmp_path), "--annotations", views=views)
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/backbone.safetensors").is_file()
    assert "metrics go to metrics.jsonl alone" in done.stderr
