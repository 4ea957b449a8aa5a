"""Jobs travel as JSON, and hold what results depend on and nothing else."""

import json

import pytest
import yaml

from objectcrop.study.jobs.fine_tune import FineTuneJob
from objectcrop.study.jobs.images import FetchImagesJob, IndexImagesJob
from objectcrop.study.jobs.linear import LinearJob
from objectcrop.study.jobs.lod import LodJob
from objectcrop.study.jobs.pretraining import PretrainJob
from objectcrop.study.jobs.proposals import SourceJob
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.settings.runs import Run
from objectcrop.study.settings.section import recorded

PRESETS = ("paper", "recipes", "minis", "minis_lod", "openimages_full")
RUN = Run(dataset="coco", method="swav")


def jobs_of(plan):
    """Every job of a study, by where it comes from."""
    yield from map(plan.images.dataset_job, plan.study.datasets)
    yield from map(plan.images.index_job, plan.study.datasets)
    yield from map(plan.downloads.metadata_job, plan.downloads.with_metadata())
    yield from map(plan.downloads.image_job, plan.downloads.with_images())
    for source in plan.lod.sources():
        yield plan.lod.features_job(source)
        yield from (plan.lod.job(stage, source) for stage in ("neighbours", "scores", "ranking"))
    yield from map(plan.lod.selection_job, plan.lod.ranked_sources())
    yield from map(plan.proposals.job, plan.study.proposals)
    for dataset, source in plan.report.measured():
        yield plan.proposals.sheet_job(dataset, source)
        yield plan.proposals.inspection_job(dataset, source)
    yield from map(plan.runs.job, plan.study.runs)
    yield from (plan.results.job(*cell) for cell in plan.results.judged())
    yield from map(plan.results.table_job, plan.study.tables)
    yield plan.report.job()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_job_of_a_preset_arrives_as_it_was_sent(root, preset):
    plan = load_plan(yaml.safe_load((root / f"presets/{preset}.yaml").read_text()))
    sent = list(jobs_of(plan))
    assert len(sent) > 20
    assert [type(job).parse(job.as_json()) for job in sent] == sent
    assert [type(job).parse(job.as_json()).as_json() for job in sent] == [job.as_json() for job in sent]


def test_two_settings_that_have_each_others_values_make_another_job():
    pairs = {"temperature": 0.2, "momentum": 0.9}, {"temperature": 0.9, "momentum": 0.2}
    runs = [Run.model_validate({"dataset": "coco", "method": "moco_v2", "moco": pair}) for pair in pairs]
    first, second = (PretrainJob(run_name="a", study_seed=0, run=run).as_json() for run in runs)
    assert sorted(first) == sorted(second)  # the same letters
    assert first != second


def test_a_result_is_known_by_what_its_job_judged(root):
    plan = load_plan(yaml.safe_load((root / "presets/minis.yaml").read_text()))
    kinds = set()
    for run, task in plan.results.judged():
        job = plan.results.job(run, task)
        kinds.add(type(job))
        assert job.judged == {"run": recorded(plan.study.runs[run]), "task": recorded(plan.study.tasks[task])}
    assert kinds == {LinearJob, FineTuneJob}


def test_resources_and_notes_are_no_part_of_a_job():
    busy = RUN.model_copy(update={"note": "ours", "resources": RUN.resources.model_copy(update={"gpus": 8})})
    jobs = [PretrainJob(run_name="swav", run=run, study_seed=3) for run in (RUN, busy)]
    assert jobs[0] == jobs[1]
    assert jobs[0].values() == {"run_name": "swav", "run": recorded(RUN), "study_seed": 3}


def test_a_part_of_the_settings_stays_a_part():
    text = '{"lod":{"features_run":"scene","kind":"lod","num_neighbours":3}}'
    job = LodJob.parse(text)
    assert (job.lod.num_neighbours, job.lod.max_boxes) == (3, 10)
    assert job.as_json() == text


def test_a_job_may_be_in_a_file(tmp_path):
    (tmp_path / "job.json").write_text('{"dataset_name": "a", "dataset": {"source": "folder", "images": "p"}}')
    job = IndexImagesJob.parse(f"@{tmp_path}/job.json")
    assert (job.dataset.images, job.base, job.download) == ("p", None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"run_name": "a", "run": {"dataset": "b"}, "study_seed": 0, "gpus": 1}', "gpus\n  Extra inputs"),
        ('{"run_name": "a", "run": {"dataset": "b", "optimiser": {}}, "study_seed": 0}', "run.optimiser\n  Extra"),
        ('{"run_name": "a", "study_seed": 0}', "run\n  Field required"),
        ("[]", "--settings: expected a JSON object"),
        ("{", "--settings: not valid JSON"),
    ],
)
def test_what_is_wrong_with_a_job_is_named(text, message):
    with pytest.raises(ValueError, match=r"1 validation error|--settings") as error:
        PretrainJob.parse(text)
    assert message in str(error.value)


def test_a_job_keeps_the_parts_of_a_download_it_depends_on():
    images = {"source": "openimages", "boxes": {}, "class_descriptions": "c.csv", "images": {}}
    values = {"dataset_name": "oi", "dataset": images, "download": {"num_shards": 2}, "max_unreadable_share": 0.5}
    assert json.loads(FetchImagesJob.model_validate(values).as_json()) == values


def test_a_linear_task_is_no_fine_tuning(root):
    plan = load_plan(yaml.safe_load((root / "presets/minis.yaml").read_text()))
    (linear, *_) = plan.results.tasks_of("linear")
    more = {"dataset_name": "coco", "dataset": {"source": "folder", "images": "p"}}
    values = plan.results.job(plan.results.runs()[0], linear).values() | more
    with pytest.raises(ValueError, match="Input tag 'linear' found using 'kind' does not match"):
        FineTuneJob.model_validate(values)


def test_only_a_source_that_searches_each_image_is_searched():
    job = {"source_name": "some", "study_seed": 0}
    search = SourceJob.model_validate(job | {"source": {"kind": "selective_search"}})
    assert search.searched is search.source
    with pytest.raises(ValueError, match="kind grid are not made by a search"):
        _ = SourceJob.model_validate(job | {"source": {"kind": "grid"}}).searched
