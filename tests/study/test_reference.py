"""The generated files say what the settings say."""

import json

import yaml

from objectcrop.study.reference import config_reference, json_schema


def test_the_schema_on_disk_is_the_generated_one(root):
    written = json.loads((root / "rules/schemas/config.schema.json").read_text())
    assert written == json_schema(), "run `python -m workflow_scripts.write_reference`"


def test_the_reference_on_disk_is_the_generated_one(root):
    written = (root / "docs/config.md").read_text()
    assert written == config_reference() + "\n", "run `python -m workflow_scripts.write_reference`"


def test_every_setting_of_the_reference_has_a_meaning():
    without = [line for line in config_reference().splitlines() if line.startswith("| `") and line.endswith("|  |")]
    allowed = ("| `source`", "| `kind`", "| `backbone`", "| `views`", "| `moco`", "| `losses`", "| `optimizer`")
    allowed += (
        "| `byol`",
        "| `densecl`",
        "| `swav`",
        "| `cmc`",
        "| `insdis`",
        "| `resources`",
        "| `training`",
        "| `schedule`",
    )
    allowed += ("| `paths`", "| `tracking`", "| `columns`", "| `rows`")
    assert [line for line in without if not line.startswith(allowed)] == []


def test_every_key_of_the_shipped_configs_is_in_the_schema(root):
    known = set(json_schema()["properties"])
    for path in [root / "config.yaml", *sorted((root / "presets").glob("*.yaml"))]:
        assert set(yaml.safe_load(path.read_text())) <= known, path.name
