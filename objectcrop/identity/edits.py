"""Files that were edited, or damaged, since a rule wrote them: Snakemake would take the new bytes for the newer truth."""

import sys
from collections.abc import Collection
from pathlib import Path

from objectcrop.identity.finished import unused_path
from objectcrop.identity.lineage import Lineage
from objectcrop.identity.record import FOLDER, is_taken_for_whole, read_record, sha256_of, stamp_of, write_record


def edited_files(folder: Path, lineage: Lineage) -> dict[str, str]:
    """Return the files of a study whose bytes are not those that their rules wrote, each with its rule.

    A file whose size or time is another than its record states is read. If its bytes are those of the record, the record gets its
    time: Snakemake touches what a job wrote, and so each file is read once. Files that the study does not know are left alone.

    Args:
        folder: where its results are.
        lineage: what it expects.

    Raises:
        ValueError: naming a record that is damaged.
    """
    found = {}
    for path in sorted(folder.rglob(f"{FOLDER}/*.json")):
        file = path.parent.parent / path.stem
        record = read_record(file) if file.exists() and lineage.find(file.as_posix()) is not None else None
        if record is None or is_taken_for_whole(record, now := stamp_of(file)):
            continue
        if now.num_bytes == record.output.stamp.num_bytes and sha256_of(file) == record.output.sha256:
            write_record(record._replace(output=record.output._replace(stamp=now)))
        else:
            found[file.as_posix()] = record.rule
    return found


def keep_edits(edited: dict[str, str], about_to_be_made: Collection[str]) -> None:
    """Move files that are about to be made again aside, as `<file>.edited`, and name each on standard error."""
    for file, rule in edited.items():
        if file in about_to_be_made:
            aside = Path(file).rename(unused_path(Path(f"{file}.edited")))
            print(
                f"{file}: its bytes are not those that {rule} wrote; they are moved to {aside}, and the file is made again",
                file=sys.stderr,
                flush=True,
            )
