"""The rules keep to their form: what Snakemake would accept and still go wrong."""

import re

import pytest
import yaml

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


def test_the_command_of_a_job_names_its_settings_by_a_variable(rules):
    """Of a job that is killed the shell prints the command, and Snakemake all that the shell was given: once is enough."""
    for name, text in rules.items():
        if "params.settings" in text:
            assert text.count("{params.settings:q}") == 1, name
            assert f"settings={{params.settings:q}}; python -m workflow_scripts.{name}" in text, name
            assert '--settings "$settings"' in text, name


def test_long_jobs_on_gpus_stay_on_one_node_and_are_warned_before_their_end(root):
    profile = yaml.safe_load((root / "profiles/slurm/config.yaml").read_text())
    assert profile["default-resources"]["nodes"] == 1
    assert "resources" not in profile  # a total would cap the whole cluster run
    for rule in ("pretrain", "fine_tune", "segment"):
        assert "TERM@" in profile["set-resources"][rule]["slurm_extra"]


@pytest.mark.parametrize("profile", ["default", "slurm", "ci"])
def test_every_profile_uses_the_greedy_scheduler_and_redoes_incomplete_files(root, profile):
    settings = yaml.safe_load((root / f"profiles/{profile}/config.yaml").read_text())
    assert settings["scheduler"] == "greedy"
    assert settings["rerun-incomplete"] is True
