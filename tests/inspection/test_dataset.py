"""The quick writer writes what FiftyOne's own would."""

import json
import os
import subprocess
import sys

import pytest

from tests.inspection.small_study import NUM_IMAGES, ROOT, write_study

pytestmark = pytest.mark.xdist_group("dataset")  # its fixtures are made once


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = write_study(tmp_path_factory.mktemp("study"))
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/inspection/compare_writers.py"), str(folder)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_quick_writer_writes_the_documents_of_add_samples(written):
    assert len(written["ours"]["documents"]) == NUM_IMAGES
    assert written["ours"]["documents"] == written["theirs"]["documents"]
    assert written["ours"]["schema"] == written["theirs"]["schema"]


def test_ids_stay_when_the_data_set_is_made_again(written):
    assert len(set(written["ours"]["ids"])) == NUM_IMAGES + 2
    assert written["ours"]["ids"] == written["ours again"]["ids"]
    assert written["ours"]["ids"] != written["theirs"]["ids"]
