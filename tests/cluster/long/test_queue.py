"""What can happen to a job in the queue: its time is up, its node fails, the user presses Ctrl-C; and an array of shards."""

import yaml

from tests.cluster.long.conftest import ARRAYS
from tests.cluster.slurm import AGAIN


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_more_time_limits_than_retries_do_not_fail_a_job(cluster, login):
    """Real limits: of 4 minutes, of which the profile lets Slurm warn after 2."""
    profile = yaml.safe_load((login.root / "profiles/slurm/config.yaml").read_text())
    limits = profile["retries"] + 1
    (login.folder / "Snakefile").write_text(f"""
import sys
from objectcrop.runtime.signals import DEAF_SHELL

shell.prefix(DEAF_SHELL)

rule long:
    output: "steps.done"
    resources: runtime=4
    params: python=sys.executable
    shell: "{{params.python}} -m tests.cluster.trainer steps {limits} | tee -i log && touch {{output}}"
""")
    before = len(cluster.jobs())
    printed = login.run("--jobs", "1")
    assert "Trying to restart" not in printed
    assert len(lines(login.folder / "steps")) == limits + 1
    assert [job["JobState"] for job in cluster.jobs()[before:]] == [*[AGAIN] * limits, "COMPLETED"]


def test_the_job_of_a_failed_node_runs_on_another_and_the_node_comes_back(cluster, login):
    (login.folder / "Snakefile").write_text("""
rule hold:
    output: "done"
    resources: gpu=1
    shell: "echo $SLURMD_NODENAME >> nodes; [ $(wc -l < nodes) = 2 ] || sleep 900; touch {output}"
""")
    nodes = login.folder / "nodes"
    process = login.start("--jobs", "1")
    cluster.wait_for("the job has started", lambda: lines(nodes), timeout_s=600)
    (first,) = lines(nodes)
    cluster.take_down(first)
    assert "Trying to restart" not in login.finish(process)
    assert sorted(lines(nodes)) == ["gpu1", "gpu2"]
    assert cluster.states()[first] != "idle"
    cluster.bring_back(first)
    cluster.wait_for(f"{first} is back", lambda: cluster.states()[first] == "idle")


def test_ctrl_c_cancels_what_was_submitted(cluster, login):
    (login.folder / "Snakefile").write_text("""
rule all:
    input: expand("{name}", name=["a", "b"])
rule never:
    output: "{name}"
    wildcard_constraints: name="[ab]"
    shell: "echo started >> starts; sleep 900; touch {output}"
""")
    process = login.start("--jobs", "2")
    cluster.wait_for("both jobs have started", lambda: len(lines(login.folder / "starts")) == 2, timeout_s=600)
    assert login.interrupt(process) != 0
    cluster.wait_for("an empty queue", lambda: not cluster.call("squeue", "--noheader"))
    assert [job["JobState"] for job in cluster.jobs()[-2:]] == ["CANCELLED", "CANCELLED"]
    assert not (login.folder / "a").exists()


def test_shards_are_one_array(cluster, login):
    (login.folder / "Snakefile").write_text("""
rule all:
    input: expand("shard-{shard}", shard=range(3))
rule score:
    output: "shard-{shard}"
    shell: "echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID > {output}"
""")
    printed = login.run(*ARRAYS, "score")
    tasks = [(login.folder / f"shard-{shard}").read_text().split() for shard in range(3)]
    assert len({array for array, _ in tasks}) == 1
    assert sorted(task for _, task in tasks) == ["1", "2", "3"]
    assert printed.count("Submitted array job") == 1
