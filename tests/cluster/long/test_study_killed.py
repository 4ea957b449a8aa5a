"""The tiny study on the cluster through kills of jobs, of Snakemake and of nodes' daemons: it ends with the same bytes."""

import pytest

from tests.chaos.driver import Chaos, Wanted
from tests.chaos.results import differences, digests
from tests.cluster.login import ClusterWorkflow
from tests.cluster.long.conftest import GPUS, LONGEST_S, TINY, tiny_checkout

pytestmark = pytest.mark.timeout(LONGEST_S)
KILLS = ["slurmd", "job", "snakemake", "slurmd", "job", "slurmd", "snakemake", "job", "slurmd", "job"]


def test_kills_on_the_cluster_change_no_byte(cluster, studied, root, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    folder = tiny_checkout(root, (tmp_path / "killed").resolve())
    chaos = Chaos(
        ClusterWorkflow(cluster, folder, folder),
        (*TINY, *GPUS),
        Wanted(list(KILLS)),
        calm=studied.user.folder,
        seed=0,
        logs=logs,
        more={"slurmd": cluster.daemons},
    )
    with cluster.kept_up():
        story = chaos.run()
    assert story.kills.total() == len(KILLS)
    assert {kind: story.kills[kind] for kind in ("slurmd", "snakemake")} == {"slurmd": 4, "snakemake": 2}
    assert story.tracebacks == []
    assert differences(studied.digests, digests(folder)) == []
