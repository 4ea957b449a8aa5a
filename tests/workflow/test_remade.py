"""On a finished study: what a change rejects is made again, with the numbers that it should have, and nothing else is."""

import json
import shutil
from pathlib import Path

import pytest

from objectcrop.identity.record import FOLDER as RECORDS
from objectcrop.runtime.checksum import file_sha256
from objectcrop.study.plan import paths
from tests.conftest import Workflow
from tests.workflow.studies import overlay, stale_results

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finished")]

EDITED = (
    "results/ohms/ohms/images.parquet",
    "results/proposals/ohms/lod.parquet",
    "results/pretrain/oac/s0/backbone.safetensors",
    "results/eval/supervised/s0/linear.json",
)
UNTOUCHED = {f"results/eval/random-init/s0/{task}.json" for task in ("detect-voc", "segment-coco")}


@pytest.fixture(scope="module", autouse=True)
def _whole(study):
    """Other tests leave holes."""
    study.run(*Workflow.tiny)


def measured(study):
    """What tables are made of: metrics and scores of each class, by the file of the result."""
    found = {}
    for path in sorted((study.folder / "results/eval").glob("*/s0/*.json")):
        result = json.loads(path.read_text())
        found[path.relative_to(study.folder).as_posix()] = result["metrics"], result.get("per_class")
    return found


SAME_BYTES = (
    "results/**/*.parquet",
    "results/lod/**/*.npz",
    "results/pretrain/*/s0/backbone.safetensors",
    "results/export/*/s0/backbone_d2.pkl",
    "results/eval/*/s0/*.scores.npz",
    "results/eval/*/s0/*.png",
    "results/tables/*",
    "results/figures/*/*",
)
"""Files without times, costs or addresses: proposals, weights, scores, tables, figures."""
OF_TIMES = Path(paths.IMAGE_FILES).name
"""Says when each image was last changed; other tests put images back."""


def digests(study):
    """SHA-256 of each file that is to have the same bytes whenever it is made on one kind of machine."""
    found = {path for pattern in SAME_BYTES for path in study.folder.glob(pattern) if path.is_file()}
    files = (path for path in found if RECORDS not in path.parts and path.name != OF_TIMES)
    return {path.relative_to(study.folder).as_posix(): file_sha256(path) for path in sorted(files)}


def forget_finished_jobs(study):
    """Remove what ended trainings and linear evaluations keep of their outputs: they must compute again."""
    for pattern in ("results/pretrain/*/s0/checkpoints/finished", "results/eval/*/s0/linear.checkpoints/*/finished"):
        found = list(study.folder.glob(pattern))
        assert len(found) >= 4, pattern
        for folder in found:
            shutil.rmtree(folder)


def times(study):
    return {file: (study.folder / file).stat().st_mtime_ns for file in measured(study)}


def test_other_settings_give_other_numbers_and_the_former_ones_with_edited_files_the_former_bytes(study):
    """What follows from a change is made again, and no more; edits are kept aside; what is computed twice is equal byte by byte."""
    target, before = "results/eval/oac/s0/linear.json", measured(study)
    written, bytes_before = times(study), digests(study)
    assert {"safetensors", "parquet", "npz", "pkl", "md", "svg"} <= {file.rpartition(".")[2] for file in bytes_before}
    study.run(target, *overlay(study, "proposals: {lod: {max_overlap: 0.5}}"))
    assert "oac/linear" not in stale_results(study)
    assert stale_results(study)  # the others still have the former settings
    assert measured(study)[target] != before[target]
    forget_finished_jobs(study)
    edits = {file: (study.folder / file).read_bytes() + b" " for file in EDITED}
    for file, data in edits.items():
        (study.folder / file).write_bytes(data)
    done = study.run(*Workflow.tiny)
    for file, data in edits.items():
        assert f"{file}: its bytes are not those that " in done.stderr
        aside = study.folder / f"{file}.edited"
        assert aside.read_bytes() == data
        aside.unlink()
    assert digests(study) == bytes_before
    assert measured(study) == before
    assert {file for file, time in times(study).items() if time == written[file]} == UNTOUCHED
    assert stale_results(study) == set()
    assert study.planned(*Workflow.tiny) == {}


def test_an_edited_file_that_a_target_does_not_need_stays_as_it_is(study):
    path = study.folder / "results/proposals/ohms/lod.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole + b" ")
    target = "results/eval/random-init/s0/linear.json"
    assert study.planned(target, *Workflow.tiny) == {}
    assert "select_proposals" in study.planned("results/eval/oac/s0/linear.json", *Workflow.tiny)
    study.run(target, *Workflow.tiny)
    assert path.read_bytes() == whole + b" "
    path.write_bytes(whole)
    study.run("results/eval/oac/s0/linear.json", *Workflow.tiny)  # times have changed, bytes have not
    assert not path.with_name("lod.parquet.edited").exists()


CENTRE = "proposals: {{centre: {{kind: centre, area_share: {share}}}}}\nmeasured_proposals: {{ohms: [lod, random, centre]}}\n"


def test_the_page_is_not_written_of_what_the_study_would_not_make(study):
    """Only times count, and a measured source has other settings: the page names its file, or says so if that is allowed."""
    page = "results/report/index.html"
    study.run(page, *overlay(study, CENTRE.format(share=0.3)))
    arguments = overlay(study, CENTRE.format(share=0.4))
    done = study.run(page, *arguments, "--rerun-triggers", "mtime", check=False)
    assert done.returncode != 0
    sentence = (
        "results/proposals/ohms/centre.quality.json was made from results/proposals/ohms/centre.parquet, which was made"
    )
    said = done.stdout + done.stderr
    assert sentence in said
    assert "area_share was 0.3, is 0.4" in said
    allowed = overlay(study, CENTRE.format(share=0.4) + "allow_stale: true\n")
    study.run(page, *allowed, "--rerun-triggers", "mtime")
    assert sentence in (study.folder / page).read_text()
    for path in (study.folder / "results").rglob("centre*"):  # other tests go through all files
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in (study.folder / "results/proposals/ohms/.records").glob("centre*"):
        path.unlink()
    study.run(*Workflow.tiny)
    assert "centre.quality.json" not in (study.folder / page).read_text()
