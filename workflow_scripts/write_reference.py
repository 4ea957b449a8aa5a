"""Write the generated files: the JSON schema of the config and its reference. `--check` only says whether they are fresh."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from objectcrop.runtime.atomic import write_text
from objectcrop.runtime.command import run
from objectcrop.study.reference import config_reference, json_schema

ROOT = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is out of date")
    args = parser.parse_args(argv)
    files = {
        ROOT / "rules/schemas/config.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        ROOT / "docs/config.md": config_reference() + "\n",
    }
    for path, text in files.items():
        if args.check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            sys.exit(f"{path.relative_to(ROOT)} is out of date; run `python -m workflow_scripts.write_reference`")
        if not args.check:
            write_text(path, text)


if __name__ == "__main__":
    run(main)
