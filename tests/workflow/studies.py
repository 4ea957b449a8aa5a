"""What tests do with a finished study: change it, and ask which of its results hold."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import Workflow


def stale_results(study, *tables):
    """The results of tables, or of both, that are not what the study, as it was planned last, would make now."""
    found = set()
    for table in tables or ("linear-demo", "detection-demo"):
        command = [sys.executable, "-m", "workflow_scripts.explain", f"results/tables/{table}.json", "--json"]
        done = subprocess.run(
            command, cwd=study.folder, env=study.environment, capture_output=True, text=True, check=True
        )
        for record in json.loads(done.stdout):
            parts = Path(record["file"]).parts
            if parts[:2] == ("results", "eval") and record["stale"] is not None:
                found.add(f"{parts[2]}/{Path(parts[-1]).stem}")
    return found


def overlay(study, text):
    """Arguments of Snakemake for the tiny study with other settings."""
    (study.folder / "overlay.yaml").write_text(text)
    return (*Workflow.tiny, "overlay.yaml")
