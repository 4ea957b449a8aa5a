"""What scripts share on their command lines."""

import pytest

from objectcrop.study.jobs.pretraining import PretrainJob
from workflow_scripts.arguments import OPTIONS, job_parser


def test_help_names_the_parts_of_the_job(capsys):
    with pytest.raises(SystemExit):
        job_parser("Train.", PretrainJob).parse_args(["--help"])
    assert "run_name, run, study_seed" in " ".join(capsys.readouterr().out.split())


def test_options_are_those_that_are_asked_for():
    parser = job_parser("Train.", PretrainJob, ["seed", "gpus", "threads"])
    args = parser.parse_args(["--settings", "{}", "--seed", "3"])
    assert vars(args) == {"settings": "{}", "seed": 3, "gpus": 0, "threads": 1}


def test_an_option_that_has_no_default_must_be_given(capsys):
    with pytest.raises(SystemExit):
        job_parser("Train.", PretrainJob, list(OPTIONS)).parse_args(["--settings", "{}"])
    missing = capsys.readouterr().err
    assert all(f"--{name}" in missing for name, option in OPTIONS.items() if option.get("required"))
