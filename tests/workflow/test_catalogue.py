"""What the catalogue of Snakemake workflows asks of a repository (its generate-catalog.py)."""

import pytest
import yaml

from tests import bare_python

LINT = """
from snakemake.cli import main

main(sys.argv[1:])
"""


def test_the_repository_has_the_files_that_the_catalogue_reads(root):
    assert (root / "Snakefile").is_file()
    assert list((root / "rules").glob("*.smk"))
    assert not (root / "workflow").exists(), "the catalogue would look for workflow/Snakefile and skip us"
    assert (root / "config/README.md").read_text().startswith("# Configuration")
    words = (root / "README.md").read_text().lower()
    assert "snakemake" in words
    assert "workflow" in words


def test_the_settings_of_the_catalogue_say_how_to_run_the_workflow(root):
    usage = yaml.safe_load((root / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["mandatory-flags"]["desc"]
    assert usage["mandatory-flags"]["flags"] == "--cores all"
    assert usage["software-stack-deployment"] == {"conda": True}
    assert usage["report"]


@pytest.mark.slow
def test_the_workflow_is_lint_clean_where_snakemake_alone_is_installed(root, tmp_path):
    done = bare_python.run(
        ["snakemake"],
        tmp_path,
        root,
        LINT,
        "--lint",
        "--snakefile",
        str(root / "Snakefile"),
        "--directory",
        str(tmp_path),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Congratulations, your workflow is in a good condition" in done.stdout + done.stderr
    assert not (tmp_path / "site/torch").exists()
