"""A finished study that tests may damage."""

import shutil

import pytest

from tests.conftest import Workflow


@pytest.fixture(scope="session")
def study(finished, tmp_path_factory):
    """A copy of the finished study that may be damaged; times stay, as Snakemake goes by them."""
    folder = tmp_path_factory.mktemp("identity") / "study"
    shutil.copytree(finished.folder, folder, symlinks=True)
    moved = Workflow(folder)
    moved.run(
        *Workflow.tiny
    )  # the paper's numbers have another path: tables are rendered again, and no more than these
    return moved
