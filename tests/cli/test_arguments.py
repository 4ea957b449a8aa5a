"""What scripts share on their command lines."""

import pytest

from objectcrop.study.jobs.pretraining import PretrainJob
from objectcrop.study.settings.runs import PretrainingResources
from workflow_scripts.arguments import OPTIONS, add_settings, job_parser


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


def test_a_setting_as_an_option_has_the_default_and_the_words_of_its_section(capsys):
    parser = job_parser("Train.", PretrainJob)
    add_settings(parser, PretrainingResources, {"kept_states": int, "save_every_minutes": float})
    default = PretrainingResources()
    args = parser.parse_args(["--settings", "{}", "--save-every-minutes", "0.5"])
    assert (args.kept_states, args.save_every_minutes) == (default.kept_states, 0.5)
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    assert "Minutes between two saved states" in " ".join(capsys.readouterr().out.split())
