"""The rules keep to their form: what Snakemake would accept and still go wrong."""

import logging
import re
from types import SimpleNamespace

import pytest
import yaml
from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string

WITHOUT_SCRIPT = {"all", "inspect"}


@pytest.fixture(scope="module")
def rules(root):
    """Text of every rule by name."""
    texts = {}
    for path in sorted((root / "rules").glob("*.smk")):
        for block in re.split(r"^(?=rule )", path.read_text(), flags=re.MULTILINE)[1:]:
            name = block.split("rule ", 1)[1].split(":", 1)[0].strip()
            if name:
                texts[name] = block
    return texts


def test_every_rule_has_a_script_of_its_name_and_says_what_it_does(root, rules):
    assert len(rules) >= 15
    for name, text in rules.items():
        assert (root / f"workflow_scripts/{name}.py").is_file(), name
        assert f"python -m workflow_scripts.{name}" in text or f"-m workflow_scripts.{name}" in text, name
        assert '"""' in text, f"{name} has no docstring"


def test_the_params_of_a_rule_are_its_settings_and_its_code(rules):
    for name, text in rules.items():
        if name in WITHOUT_SCRIPT:
            continue
        params = re.search(r"^    params:\n((?:        .*\n)+)", text, flags=re.MULTILINE)
        assert params, name
        names = set(re.findall(r"^        (\w+)=", params.group(1), flags=re.MULTILINE))
        assert "code" in names, name
        assert names <= {"settings", "code"}, name
        assert f'code=code("{name}")' in text, name


def test_rules_hold_no_logic_and_no_retries(root, rules):
    for name, text in rules.items():
        for word in ("lambda", "retries:", "    run:", "    script:", "config["):
            assert word not in text, f"{name}: {word}"
        assert "    log:\n" in text, name
        assert "    conda:\n" in text, name


def test_what_trainings_wait_for_is_done_before_them(rules):
    """A short job of two threads that comes behind a training of one would leave a core idle as long as that lasts.

    So would a training whose boxes were made last: of those that can start together, it alone would be left.
    """
    priority = {name: int(found[1]) for name, text in rules.items() if (found := re.search(r"priority: (\d+)", text))}
    boxes = ("search_boxes", "join_proposals", "make_proposals", "rank_regions", "select_proposals")
    for name in ("draw_scenes", "prepare_images", "index_images", "read_annotations", "select_ohms", *boxes):
        assert priority[name] > priority["pretrain"], name


def test_the_command_of_a_job_names_its_settings_by_a_variable(rules):
    """Of a job that is killed the shell prints the command, and Snakemake all that the shell was given: once is enough."""
    for name, text in rules.items():
        if "params.settings" in text:
            assert text.count("{params.settings:q}") == 1, name
            assert f"settings={{params.settings:q}}; python -m workflow_scripts.{name}" in text, name
            assert '--settings "$settings"' in text, name


@pytest.fixture
def slurm(root):
    return yaml.safe_load((root / "profiles/slurm/config.yaml").read_text())


def test_jobs_on_slurm_stay_on_one_node_and_are_warned_before_their_end(slurm):
    assert slurm["default-resources"]["nodes"] == 1
    assert "TERM@" in slurm["default-resources"]["slurm_extra"]
    assert not any("slurm_extra" in resources for resources in slurm["set-resources"].values())
    assert "resources" not in slurm  # a total would cap the whole cluster run
    assert "slurm-array-jobs" not in slurm  # with fewer `jobs` than shards the plugin waits for ever, its issue 473


@pytest.mark.parametrize(("gpus", "partition"), [(0, "cpu"), (1, "gpu"), (8, "gpu"), (9, None)])
def test_a_job_of_any_rule_goes_to_a_partition_that_has_its_gpus(root, slurm, gpus, partition):
    assert "slurm_partition" not in str(slurm), "a partition by rule would hold jobs that ask for GPUs away from them"
    partitions = read_partition_file(root / slurm["slurm-partition-config"])
    resources = {"gpu": gpus, "mem_mb": 10**6, "runtime": 3 * 24 * 60, "nodes": 1}
    job = SimpleNamespace(name="find_neighbours", threads=16, resources=resources)
    assert get_best_partition(partitions, job, logging.getLogger()) == partition


class Asked(dict):
    """Resources of a job, as the plugin reads them."""

    __getattr__ = dict.__getitem__


def test_training_on_several_nodes_gets_one_task_on_each_and_all_its_gpus(slurm):
    own = {"gpu": 4, "nodes": 2, "tasks": 2, "mpi": "srun", "mem_mb": 100, "runtime": 60}
    job = SimpleNamespace(threads=16, resources=Asked(own | slurm["set-resources"]["pretrain"]))
    named = dict.fromkeys(("run_uuid", "slurm_logfile", "comment_str", "account", "partition", "workdir"), "")
    options = f"{get_submit_command(job, named)} {set_gres_string(job)}".split()
    assert {"--nodes=2", "--ntasks=2", "--cpus-per-task=16", "--gpus=4"} <= set(options)
    assert not any("per-gpu" in option or "per-node" in option for option in options)


def test_memory_and_time_of_every_rule_grow_with_the_attempt(rules):
    """Or are a plan's, which grows them itself; training's time does not grow, as it resumes."""
    asked = re.findall(r"^        (?:mem_mb|runtime)=(.*),$", "".join(rules.values()), flags=re.MULTILINE)
    assert len(asked) > 30
    plans = r"of\(PLAN\.\w+\.(?:ranking_)?memory_mb\)|of\(PLAN\.\w+\.resource, name=\"minutes\"\)"
    assert [text for text in asked if not re.fullmatch(rf"of\(growing, first=\d+\)|{plans}", text)] == []


@pytest.mark.parametrize("profile", ["default", "slurm", "ci"])
def test_every_profile_uses_the_greedy_scheduler_and_redoes_incomplete_files(root, profile):
    settings = yaml.safe_load((root / f"profiles/{profile}/config.yaml").read_text())
    assert settings["scheduler"] == "greedy"
    assert settings["rerun-incomplete"] is True
