"""A copy of the checkout on the cluster's file system."""

import pytest

from tests.cluster.login import Login
from tests.conftest import copied


@pytest.fixture(scope="session")
def checkout(root, tmp_path_factory):
    return copied(root, tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def user(cluster, checkout):
    """Snakemake in that copy."""
    user = Login(cluster, checkout, checkout)
    yield user
    user.interrupt_all()
