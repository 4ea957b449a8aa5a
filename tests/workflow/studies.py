"""What tests do with a finished study: change it, and ask which of its results hold."""

import shutil
from contextlib import chdir, contextmanager
from pathlib import Path

from objectcrop.data.watch import images_behind
from objectcrop.identity.chain import Chain
from objectcrop.identity.explanation import ancestors
from objectcrop.identity.lineage import newest_lineage
from objectcrop.study.plan.paths import LINEAGES
from tests.conftest import Workflow


def stale_results(study, *tables):
    """The results of tables, or of both, that are not what the study, as it was planned last, would make now.

    That is what `workflow_scripts.explain` says, which starts a Python each time.
    """
    found = set()
    with chdir(study.folder):
        chain = Chain(newest_lineage(Path(LINEAGES)), images_behind())
        files = [f"results/tables/{table}.json" for table in tables or ("linear-demo", "detection-demo")]
        for record in ancestors(files):
            parts = Path(record.file).parts
            if parts[:2] == ("results", "eval") and chain.problem(record.file) is not None:
                found.add(f"{parts[2]}/{Path(parts[-1]).stem}")
    return found


def overlay(study, text):
    """Arguments of Snakemake for the tiny study with other settings."""
    (study.folder / "overlay.yaml").write_text(text)
    return (*Workflow.tiny, "overlay.yaml")


@contextmanager
def without(*paths):
    """Have files or folders out of the way for the length of the block; what takes their place then goes."""
    for path in paths:
        path.rename(path.with_name(f"{path.name}.kept"))
    try:
        yield
    finally:
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path)
            path.with_name(f"{path.name}.kept").replace(path)
