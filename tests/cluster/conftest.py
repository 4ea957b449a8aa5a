"""A Slurm of this session, and a user on its login node."""

import pytest

from tests.cluster.login import Login
from tests.cluster.slurm import Cluster, missing


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if lack := missing():
        pytest.skip(lack)
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def login(cluster, root, tmp_path):
    """Snakemake in a folder that is empty but for the Snakefile that a test writes."""
    login = Login(cluster, root, tmp_path)
    yield login
    login.interrupt_all()
