"""Every path of the workflow, spelled once: templates whose fields are wildcards, relative to the working folder."""

import re
from collections.abc import Iterable
from functools import cache

# data sets
DRAWING = "results/drawn/{dataset}.json"
METADATA = "results/downloads/{dataset}/metadata.json"
FETCHED_IMAGES = "results/downloads/{dataset}/images/{shard}.json"
MANIFEST = "results/images/{dataset}/manifest.parquet"
UNREADABLE = "results/images/{dataset}/unreadable.json"
IMAGE_FILES = "results/images/{dataset}/files.parquet"
CHANGED_IMAGES = "results/images/{dataset}/changed.json"
ANNOTATIONS = "results/annotations/{dataset}.parquet"
CHANGED_ANNOTATIONS = "results/annotations/{dataset}.changed.json"
CLASSES = "results/annotations/{dataset}.classes.parquet"

# subsets
SUBSET_IMAGES = "results/ohms/{dataset}/images.parquet"
SUBSET_CLASSES = "results/ohms/{dataset}/classes.parquet"
SUBSET_BOXES = "results/ohms/{dataset}/boxes.parquet"
SUBSET_SUMMARY = "results/ohms/{dataset}/summary.json"
SUBSET_STATISTICS = "results/ohms/{dataset}/statistics.json"
CLASS_STATISTICS = "results/ohms/{dataset}/class_statistics.parquet"
SUBSET_FIGURES = "results/ohms/{dataset}/figures"

# proposals
FEATURES = "results/lod/{dataset}/{source}/features/{shard}.npz"
NEIGHBOURS = "results/lod/{dataset}/{source}/neighbours.npz"
SCORES = "results/lod/{dataset}/{source}/scores/{shard}.npz"
RANKING = "results/lod/{dataset}/{source}/ranking.npz"
RANKING_STATE = "results/lod/{dataset}/{source}/ranking.state"
SEARCHED_BOXES = "results/searches/{dataset}/{source}/{shard}.parquet"
PROPOSALS = "results/proposals/{dataset}/{source}.parquet"
PROPOSALS_SUMMARY = "results/proposals/{dataset}/{source}.json"
QUALITY = "results/proposals/{dataset}/{source}.quality.json"

# what Snakemake notes of the jobs that make proposals
FEATURES_COST = "benchmarks/jobs/extract_features/{dataset}-{source}-{shard}.tsv"
NEIGHBOURS_COST = "benchmarks/jobs/find_neighbours/{dataset}-{source}.tsv"
SCORES_COST = "benchmarks/jobs/score_pairs/{dataset}-{source}-{shard}.tsv"
RANKING_COST = "benchmarks/jobs/rank_regions/{dataset}-{source}.tsv"
SELECTION_COST = "benchmarks/jobs/select_proposals/{dataset}-{source}.tsv"
SEARCH_COST = "benchmarks/jobs/search_boxes/{dataset}-{source}-{shard}.tsv"
JOIN_COST = "benchmarks/jobs/join_proposals/{dataset}-{source}.tsv"
MAKING_COST = "benchmarks/jobs/make_proposals/{dataset}-{source}.tsv"

# runs
BACKBONE = "results/pretrain/{run}/s{seed}/backbone.safetensors"
RUN_SUMMARY = "results/pretrain/{run}/s{seed}/summary.json"
RUN_CHECKPOINTS = "results/pretrain/{run}/s{seed}/checkpoints"
RUN_METRICS = f"{RUN_CHECKPOINTS}/metrics.jsonl"
EXPORTED_BACKBONE = "results/export/{run}/s{seed}/backbone_d2.pkl"

# results
RESULT = "results/eval/{run}/s{seed}/{task}.json"
RESULT_SCORES = "results/eval/{run}/s{seed}/{task}.scores.npz"
PREDICTIONS = "results/eval/{run}/s{seed}/{task}.png"
RESULT_CHECKPOINTS = "results/eval/{run}/s{seed}/{task}.checkpoints"

# what a study expects of its files
LINEAGES = "results/lineage"
RUNNING = "results/lineage/running"
CODE_MEMORY = ".snakemake/objectcrop_code.json"
RESULT_LINEAGES = "results/lineage/results"

# what people read
TABLE_MARKDOWN = "results/tables/{table}.md"
TABLE_CSV = "results/tables/{table}.csv"
TABLE_JSON = "results/tables/{table}.json"
TABLE_LATEX = "results/tables/{table}.tex"
PLANNED_COST = "results/tables/planned_cost.md"
CLASS_ANALYSIS = "results/classes/{table}.json"
CLASS_FIGURES = "results/classes/{table}"
WORST_IMAGES = "results/classes/{table}.png"
FIGURES = "results/figures/{table}"
CONTACT_SHEET = "results/inspect/{dataset}/{source}/contact_sheet.png"
BEST_SHEET = "results/inspect/{dataset}/{source}/best.png"
WORST_SHEET = "results/inspect/{dataset}/{source}/worst.png"
VIEW_SHEET = "results/inspect/views/{run}.png"
INSPECTION = "results/inspect/{dataset}/{source}/fiftyone/manifest.json"
PAGE = "results/report/index.html"


def by_shard(template: str, num_shards: int, **names: str) -> list[str]:
    """Return the files of all shards, in order."""
    return list(_by_shard(template, num_shards, tuple(names.items())))


@cache  # each of 512 jobs asks for 512 files: 6% of the time in which the paper was planned
def _by_shard(template: str, num_shards: int, names: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    return tuple(template.format(shard=shard, **dict(names)) for shard in range(num_shards))


def any_of(names: Iterable[str]) -> str:
    """Return a regular expression that matches exactly these names; nothing if there are none."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or "(?!)"
