"""How each file of the study is made, for jobs to compare with, and what was edited, here or under the data root."""

import os
import sys

from objectcrop.data.changes import Watched, note_changes
from objectcrop.identity.edits import edited_files, keep_edits
from objectcrop.identity.lineage import VARIABLE, read_lineage, write_lineage
from objectcrop.identity.running import (
    advise,
    killed,
    left_undone,
    note_asked,
    require_no_other,
)


def lineage(folder, files):
    """Write how files of the study are made, and return the path."""
    names = sorted({made_by for made_by, _ in files.values()})
    return write_lineage(folder, files, {name: code(name) for name in names})


LINEAGE = lineage(paths.LINEAGES, PLAN.lineage.files())
RESULT_LINEAGE = lineage(paths.RESULT_LINEAGES, PLAN.lineage.results())
os.environ[VARIABLE] = LINEAGE

EDITED, UNDONE = {}, set()
if workflow.is_main_process:
    watched = [Watched(*files) for files in PLAN.images.watched()]
    or_stop(note_changes, watched, is_checked=PLAN.study.tracking.images == "check")
    EDITED = or_stop(edited_files, Path("results"), read_lineage(LINEAGE))
    UNDONE = left_undone(Path(paths.RUNNING))


onsuccess:
    note_asked(Path(paths.RUNNING), ())


onerror:
    files = {
        str(file) for job in workflow.dag.needrun_jobs() for file in job.output
    }
    for job in killed(Path(paths.RUNNING), files):
        print(advise(job), file=sys.stderr, flush=True)
