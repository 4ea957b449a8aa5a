"""Every function of the workflow: one-liners over objectcrop.study."""

from objectcrop.runtime.interpreter import prefer_own_python
from objectcrop.study.digest import code_digest, recipe_number
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.loading import StudyError
from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
prefer_own_python(ROOT)


def or_stop(checked, *arguments):
    """Call `checked`; a problem of the study ends the run before the first job, with one message."""
    try:
        return checked(*arguments)
    except StudyError as error:
        raise WorkflowError(str(error)) from None


PLAN = or_stop(load_plan, config)


onstart:
    or_stop(PLAN.require_data)


wildcard_constraints:
    dataset=PLAN.pattern("datasets"),
    source=PLAN.pattern("proposals"),
    run=PLAN.pattern("runs"),
    task=PLAN.pattern("tasks"),
    table=PLAN.pattern("tables"),
    seed=r"\d+",
    shard=r"\d+",


def code(name):
    if name == "pretrain" and PLAN.study.tracking.pretrain == "recipe":
        return f"recipe-{recipe_number('objectcrop.ssl.training.recipe', ROOT)}"
    return code_digest(f"workflow_scripts.{name}", ROOT)


def data_root(wildcards):
    return PLAN.study.data


def dataset_settings(wildcards):
    return PLAN.dataset_settings(wildcards.dataset)


def raw_files_of(wildcards):
    return PLAN.annotation_inputs(wildcards.dataset).get("raw", [])


def index_settings(wildcards):
    return PLAN.index_settings(wildcards.dataset)


def files_to_index_of(wildcards):
    return PLAN.index_inputs(wildcards.dataset).get("raw", [])


def annotations_to_index_of(wildcards):
    return PLAN.index_inputs(wildcards.dataset).get("annotations", [])


DOWNLOADED = PLAN.alternatives(PLAN.downloads.with_metadata())
FETCHED = PLAN.alternatives(PLAN.downloads.with_pictures())


def download_settings(wildcards):
    return PLAN.downloads.metadata_settings(wildcards.dataset)


def fetch_settings(wildcards):
    return PLAN.downloads.picture_settings(wildcards.dataset)


def transfer(wildcards):
    return PLAN.downloads.transfer(wildcards.dataset)


def subset_images_of(wildcards):
    return PLAN.index_inputs(wildcards.dataset).get("subset", [])


def part_manifests_of(wildcards):
    return PLAN.index_inputs(wildcards.dataset).get("parts", [])


def subset_boxes_of(wildcards):
    return PLAN.annotation_inputs(wildcards.dataset).get("boxes", [])


def subset_classes_of(wildcards):
    return PLAN.annotation_inputs(wildcards.dataset).get("subset_classes", [])


def part_annotations_of(wildcards):
    return PLAN.annotation_inputs(wildcards.dataset).get("parts", [])


def part_classes_of(wildcards):
    return PLAN.annotation_inputs(wildcards.dataset).get("part_classes", [])


def annotations_of_base(wildcards):
    return PLAN.annotations(PLAN.base(wildcards.dataset))


def classes_of_base(wildcards):
    return PLAN.classes(PLAN.base(wildcards.dataset))


def released_files_of(wildcards):
    return PLAN.raw_files(wildcards.dataset)


SELECTED_SUBSETS = PLAN.alternatives(PLAN.selected_datasets())
RELEASED_SUBSETS = PLAN.alternatives(PLAN.released_datasets())
LOD_SOURCES = PLAN.alternatives(PLAN.lod_sources())
RANKED_SOURCES = PLAN.alternatives(PLAN.ranked_sources())
SEARCHED_SOURCES = PLAN.alternatives(PLAN.searched_sources())
OTHER_SOURCES = PLAN.alternatives(PLAN.other_sources())


def features_backbone_of(wildcards):
    return PLAN.features_backbone(wildcards.source)


def features_summary_of(wildcards):
    return PLAN.features_summary(wildcards.source)


def features_settings(wildcards):
    return PLAN.lod_settings("features", wildcards.source)


def neighbours_settings(wildcards):
    return PLAN.lod_settings("neighbours", wildcards.source)


def scores_settings(wildcards):
    return PLAN.lod_settings("scores", wildcards.source)


def ranking_settings(wildcards):
    return PLAN.lod_settings("ranking", wildcards.source)


def feature_shards_of(wildcards):
    return PLAN.lod_shards("features", wildcards.dataset, wildcards.source)


def score_shards_of(wildcards):
    return PLAN.lod_shards("scores", wildcards.dataset, wildcards.source)


def neighbour_threads_of(wildcards):
    return PLAN.neighbour_threads(wildcards.source)


def ranking_processes_of(wildcards):
    return PLAN.lod(wildcards.source).ranking_processes


def ranking_memory_of(wildcards, input):
    return PLAN.ranking_memory_mb(wildcards.source, input.index)


def ranking_of(wildcards):
    return PLAN.ranking(wildcards.dataset, wildcards.source)


def selection_settings(wildcards):
    return PLAN.selection_settings(wildcards.source)


def searched_shards_of(wildcards):
    return PLAN.searched_shards(wildcards.dataset, wildcards.source)


def searched_backbone_of(wildcards):
    return PLAN.searched_backbone(wildcards.source)


def searched_summary_of(wildcards):
    return PLAN.searched_summary(wildcards.source)


def files_of_source(wildcards):
    return PLAN.source_files(wildcards.source)


def proposal_settings(wildcards):
    return PLAN.proposal_settings(wildcards.source)


def sizes_of_source(wildcards):
    return PLAN.sizes_source(wildcards.dataset, wildcards.source)


def annotations_of_source(wildcards):
    return PLAN.source_annotations(wildcards.dataset, wildcards.source)


def gpus_of_source(wildcards):
    return PLAN.source_gpus(wildcards.source)


def memory_of_proposals(wildcards, input, rulename):
    return PLAN.proposal_memory_mb(rulename, wildcards.source, input.index)


def cost_files_of(wildcards):
    return PLAN.cost_files(wildcards.dataset, wildcards.source)


def inspection_settings(wildcards):
    return PLAN.inspection_settings(wildcards.dataset, wildcards.source)


def manifest_of_run(wildcards):
    return PLAN.manifest(PLAN.study.runs[wildcards.run].dataset)


def proposals_of_run(wildcards):
    return PLAN.run_proposals(wildcards.run)


def annotations_of_run(wildcards):
    return PLAN.run_annotations(wildcards.run)


def run_settings(wildcards):
    return PLAN.run_settings(wildcards.run)


def cpus_of_run(wildcards):
    return PLAN.resources("run", wildcards.run)["cpus"]


def gpus_of_run(wildcards):
    return PLAN.resources("run", wildcards.run)["gpu"]


def memory_of_run(wildcards):
    return PLAN.resources("run", wildcards.run)["mem_mb"]


def minutes_of_run(wildcards):
    return PLAN.resources("run", wildcards.run)["runtime"]


def keeping_of_run(name):
    return lambda wildcards: PLAN.keeping(wildcards.run)[name]


def manifest_of_task(wildcards):
    return PLAN.manifest(PLAN.study.tasks[wildcards.task].dataset)


def annotations_of_task(wildcards):
    return PLAN.annotations(PLAN.study.tasks[wildcards.task].dataset)


def task_settings(wildcards):
    return PLAN.task_settings(wildcards.run, wildcards.task)


def cpus_of_task(wildcards):
    return PLAN.resources("task", wildcards.task)["cpus"]


def gpus_of_task(wildcards):
    return PLAN.resources("task", wildcards.task)["gpu"]


def memory_of_task(wildcards):
    return PLAN.resources("task", wildcards.task)["mem_mb"]


def minutes_of_task(wildcards):
    return PLAN.resources("task", wildcards.task)["runtime"]


PAPER_VALUES = str(ROOT / "objectcrop" / "report" / "paper_values.csv")


def results_of_table(wildcards):
    return PLAN.table_results(wildcards.table)


def summaries_of_table(wildcards):
    return PLAN.table_summaries(wildcards.table)


def table_settings(wildcards):
    return PLAN.table_settings(wildcards.table)


def sheet_settings(wildcards):
    return PLAN.sheet_settings(wildcards.dataset, wildcards.source)


LINEAR_TASKS = PLAN.alternatives(PLAN.tasks_of("linear"))
DETECTOR_TASKS = PLAN.alternatives(PLAN.tasks_of("detector"))
SEGMENTER_TASKS = PLAN.alternatives(PLAN.tasks_of("segmenter"))


def raw_files_of_task(wildcards):
    return PLAN.task_files(wildcards.task)
