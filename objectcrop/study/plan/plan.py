"""Which files a study is made of, and which of them each job needs: the whole logic of the workflow, as plain functions.

The functions of rules/common.smk are one-liners over a `Plan`. Paths are relative to the working folder.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from objectcrop.study.loading import StudyError, examine
from objectcrop.study.plan.downloads import CHOICE, RESULTS, DownloadPlan
from objectcrop.study.plan.lod_stages import Stage, stage_settings
from objectcrop.study.plan.memory import LINES, ranking_mb
from objectcrop.study.settings.datasets import DrawnDataset, UnionDataset, expected_locations, raw_locations
from objectcrop.study.settings.home_pages import how_to_get
from objectcrop.study.settings.inspection import InspectionSettings
from objectcrop.study.settings.proposals import (
    BingProposals,
    CentreProposals,
    DegreeProposals,
    EdgeBoxesProposals,
    ExternalProposals,
    FeatureProposals,
    FileTrunk,
    GridProposals,
    GroundTruthProposals,
    LodProposals,
    RandomProposals,
    SearchedProposals,
)
from objectcrop.study.settings.section import Section, recorded, sorted_json
from objectcrop.study.settings.subsets import OhmsDataset, ReleasedOhmsDataset, SubsetDataset
from objectcrop.study.settings.tasks import LinearTask
from objectcrop.study.study import Study, made_from, result_hash

SHARDS_OF_SMALL_COLLECTIONS = 2


@dataclass(frozen=True)
class Plan:
    """The files of one study."""

    study: Study

    def pattern(self, section: str) -> str:
        """A regular expression that matches exactly the names of one section of the study."""
        return self.alternatives(getattr(self.study, section))

    @staticmethod
    def alternatives(names: Iterable[str]) -> str:
        """A regular expression that matches exactly these names; nothing if there are none."""
        return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or "(?!)"

    # Data sets ----------------------------------------------------------------------------------------------------

    def manifest(self, dataset: str) -> str:
        """Manifest of a data set."""
        return f"{RESULTS}/images/{dataset}/manifest.parquet"

    def annotations(self, dataset: str) -> str:
        """Annotations of a data set."""
        return f"{RESULTS}/annotations/{dataset}.parquet"

    def classes(self, dataset: str) -> str:
        """Classes of a data set."""
        return f"{RESULTS}/annotations/{dataset}.classes.parquet"

    def drawing(self, dataset: str) -> list[str]:
        """The summary of the drawing that a data set needs first, if it is drawn."""
        drawn = isinstance(self.study.datasets[dataset], DrawnDataset)
        return [f"{RESULTS}/drawn/{dataset}.json"] if drawn else []

    @property
    def downloads(self) -> DownloadPlan:
        """What is downloaded."""
        return DownloadPlan(self.study)

    def base(self, dataset: str) -> str:
        """The data set whose folders hold the pictures: that of a subset is the one it is selected from."""
        return self.downloads.base(dataset)

    def raw_files(self, dataset: str) -> list[str]:
        """Annotation files under the data root that exist now: inputs, so that an edit of them is noticed."""
        root = Path(self.study.data)
        paths = [root / location for location in raw_locations(self.study.datasets[dataset])]
        return [path.as_posix() for path in paths if path.is_file()]

    def raw(self, dataset: str) -> list[str]:
        """What stands for the files of a data set: its drawing, its downloaded metadata, or those that exist now."""
        if self.downloads.of(dataset) is not None:
            return [self.downloads.metadata_record(dataset)]
        return self.drawing(dataset) + self.raw_files(dataset)

    def index_inputs(self, dataset: str) -> dict[str, list[str]]:
        """What indexing the pictures of a data set needs."""
        found = self.study.datasets[dataset]
        if isinstance(found, UnionDataset):
            return {"parts": [self.manifest(part) for part in found.parts]}
        if isinstance(found, SubsetDataset):
            raw = self.drawing(found.of) + self.downloads.shards(dataset)
            return {"subset": [f"{RESULTS}/ohms/{dataset}/images.parquet"], "raw": raw}
        if self.downloads.of(dataset) is not None:
            return {"raw": self.downloads.shards(dataset), "annotations": [self.annotations(dataset)]}
        return {"raw": self.raw(dataset)}

    def annotation_inputs(self, dataset: str) -> dict[str, list[str]]:
        """What reading the annotations of a data set needs."""
        found = self.study.datasets[dataset]
        if isinstance(found, UnionDataset):
            return {
                "parts": [self.annotations(part) for part in found.parts],
                "part_classes": [self.classes(part) for part in found.parts],
            }
        if isinstance(found, SubsetDataset):
            folder = f"{RESULTS}/ohms/{dataset}"
            tables = {"boxes": [f"{folder}/boxes.parquet"], "subset_classes": [f"{folder}/classes.parquet"]}
            return {"raw": self.drawing(found.of), **tables}
        return {"raw": self.raw(dataset)}

    def dataset_settings(self, dataset: str) -> str:
        """Settings of one data set, with those of the set it is selected from."""
        return sorted_json(self._dataset_value(dataset))

    def _dataset_value(self, dataset: str) -> dict[str, Any]:
        value: dict[str, Any] = {"dataset_name": dataset, "dataset": recorded(self.study.datasets[dataset])}
        if self.base(dataset) != dataset:
            value |= {"base_name": self.base(dataset), "base": recorded(self.study.datasets[self.base(dataset)])}
        return value

    def index_settings(self, dataset: str) -> str:
        """Settings of indexing: those of the data set, and which of its pictures were downloaded if it is used directly."""
        value = self._dataset_value(dataset)
        if self.downloads.of(dataset) is not None and self.base(dataset) == dataset:
            value |= {"download": self.downloads.parts(dataset, CHOICE)}
        return sorted_json(value)

    # Proposals ----------------------------------------------------------------------------------------------------

    def proposals(self, dataset: str, source: str) -> str:
        """Proposals of a source on a data set."""
        return f"{RESULTS}/proposals/{dataset}/{source}.parquet"

    def proposals_summary(self, dataset: str, source: str) -> str:
        """Summary of the same."""
        return f"{RESULTS}/proposals/{dataset}/{source}.json"

    def lod_base(self, source: str) -> str:
        """The LOD source whose regions and scores a source uses: itself, unless it ranks those of another."""
        found = self.study.proposals[source]
        return found.of if isinstance(found, DegreeProposals) else source

    def lod(self, source: str) -> LodProposals:
        """Settings of a LOD source, or of the one whose regions the source ranks.

        Raises:
            ValueError: if the source is of another kind.
        """
        found = self.study.proposals[self.lod_base(source)]
        if not isinstance(found, LodProposals):
            raise ValueError(f"proposals.{source} is of kind {found.kind}, not lod")
        return found

    def lod_sources(self) -> list[str]:
        """Names of the LOD sources."""
        return [name for name, source in self.study.proposals.items() if isinstance(source, LodProposals)]

    def ranked_sources(self) -> list[str]:
        """Names of the sources that are selected from LOD's regions."""
        return [n for n, source in self.study.proposals.items() if isinstance(source, LodProposals | DegreeProposals)]

    def searched_sources(self) -> list[str]:
        """Names of the sources that search each picture by itself."""
        return [name for name, source in self.study.proposals.items() if isinstance(source, SearchedProposals)]

    def other_sources(self) -> list[str]:
        """Names of the sources that are made in one step."""
        taken = {*self.ranked_sources(), *self.searched_sources()}
        return [name for name in self.study.proposals if name not in taken]

    def feature_source(self, source: str) -> FeatureProposals:
        """Settings of a source that looks at a network's maps, or of the one whose regions it ranks.

        Raises:
            ValueError: if the source is of another kind.
        """
        found = self.study.proposals[self.lod_base(source)]
        if not isinstance(found, FeatureProposals):
            raise ValueError(f"proposals.{source} is of kind {found.kind}: it uses no features")
        return found

    def features_backbone(self, source: str) -> list[str]:
        """Weights of the network that a source looks through: of a run, or a file that exists now."""
        found = self.feature_source(source)
        if found.features_run is not None:
            return [self.backbone(found.features_run, found.features_seed)]
        return self.source_files(self.lod_base(source))

    def features_summary(self, source: str) -> list[str]:
        """Summary of the run that they come from, if they do."""
        found = self.feature_source(source)
        return [] if found.features_run is None else [self.summary(found.features_run, found.features_seed)]

    def features_settings(self, source: str) -> dict[str, Any] | None:
        """Settings of that run's backbone."""
        run = self.feature_source(source).features_run
        return None if run is None else recorded(self.study.runs[run].backbone)

    def lod_settings(self, stage: Stage, source: str) -> str:
        """Settings that a stage of a LOD source depends on; features also need the backbone and the study's seed."""
        value: dict[str, Any] = {"lod": stage_settings(self.lod(source), stage)}
        if stage == "features":
            value |= {"backbone": self.features_settings(source), "study_seed": self.study.seed}
        return sorted_json(value)

    def lod_shards(self, stage: Stage, dataset: str, source: str) -> list[str]:
        """Files of all shards of a LOD stage: features or scores."""
        lod = self.lod(source)
        count = lod.score_shards if stage == "scores" else lod.num_shards
        return [f"{RESULTS}/lod/{dataset}/{self.lod_base(source)}/{stage}/{shard}.npz" for shard in range(count)]

    def neighbour_threads(self, source: str) -> int:
        """Cores of the search for neighbours: one in small collections.

        A job that asks for all cores of a small machine waits until all are free at once, however urgent it is.
        """
        return 2 if self.lod(source).num_shards > SHARDS_OF_SMALL_COLLECTIONS else 1

    def ranking(self, dataset: str, source: str) -> str:
        """Ranking of all regions that a source is selected by."""
        return f"{RESULTS}/lod/{dataset}/{self.lod_base(source)}/ranking.npz"

    def selection_settings(self, source: str) -> str:
        """Settings of the selection from LOD's regions."""
        found = self.study.proposals[source]
        rank_by = "degree" if isinstance(found, DegreeProposals) else "walk"
        return sorted_json({"source_name": source, "lod": recorded(self.lod(source)), "rank_by": rank_by})

    def searched_shards(self, dataset: str, source: str) -> list[str]:
        """Tables of all shards of a source that searches pictures.

        Raises:
            ValueError: if the source is of another kind.
        """
        found = self.study.proposals[source]
        if not isinstance(found, SearchedProposals):
            raise ValueError(f"proposals.{source} is of kind {found.kind}: it is not searched for in shards")
        return [f"{RESULTS}/searches/{dataset}/{source}/{shard}.parquet" for shard in range(found.num_shards)]

    def source_locations(self, source: str) -> list[str]:
        """Files and folders under the data root that a source is made from or with, relative to it."""
        match self.study.proposals[source]:
            case FeatureProposals(trunk=FileTrunk(weights=str(location))):
                return [location]
            case EdgeBoxesProposals(model=str(location)) | BingProposals(model_folder=location):
                return [location]
            case ExternalProposals(file=location):
                return [location]
        return []

    def source_files(self, source: str) -> list[str]:
        """Those of them that are files, or in the folders, and exist now: inputs, so that another file is noticed."""
        paths = [Path(self.study.data) / location for location in self.source_locations(source)]
        found = [file for path in paths for file in (sorted(path.glob("*.yml.gz")) if path.is_dir() else [path])]
        return [path.as_posix() for path in found if path.is_file()]

    def source_annotations(self, dataset: str, source: str) -> list[str]:
        """Annotations, for a source of annotated boxes only."""
        return [self.annotations(dataset)] if isinstance(self.study.proposals[source], GroundTruthProposals) else []

    def sizes_source(self, dataset: str, source: str) -> list[str]:
        """Proposals whose box sizes a random source copies, if it is one."""
        found = self.study.proposals[source]
        return [self.proposals(dataset, found.sizes_of)] if isinstance(found, RandomProposals) else []

    def proposal_settings(self, source: str) -> str:
        """Settings of a source that is searched for, or made in one step."""
        found = self.study.proposals[source]
        value = {"source_name": source, "source": recorded(found), "study_seed": self.study.seed}
        if isinstance(found, FeatureProposals):
            value["backbone"] = self.features_settings(source)
        return sorted_json(value)

    def searched_backbone(self, source: str) -> list[str]:
        """Weights of the network that a searched source looks through, if it does."""
        uses = isinstance(self.study.proposals[source], FeatureProposals)
        return self.features_backbone(source) if uses else []

    def searched_summary(self, source: str) -> list[str]:
        """Summary of the run that they come from, if they do."""
        uses = isinstance(self.study.proposals[source], FeatureProposals)
        return self.features_summary(source) if uses else []

    def source_gpus(self, source: str) -> int:
        """GPUs of each job of a source that looks through a network or compares descriptors."""
        found = self.study.proposals[source]
        return found.gpus if isinstance(found, FeatureProposals) else 0

    def boxes_per_picture(self, source: str) -> int:
        """Boxes that a source gives of a picture at most."""
        match self.study.proposals[source]:
            case DegreeProposals(of=base) | RandomProposals(sizes_of=base):
                return self.boxes_per_picture(base)
            case GridProposals(rows=rows, columns=columns):
                return rows * columns
            case CentreProposals():
                return 1
            case found:
                return found.max_boxes

    def proposal_memory_mb(self, rule: str, source: str, index: str) -> int:
        """Memory of a job that makes or measures proposals.

        Args:
            rule: its rule.
            source: of the proposals.
            index: JSON that indexing wrote beside the manifest; it is read now.
        """
        num_items = self.lod(source).num_neighbours if rule == "find_neighbours" else self.boxes_per_picture(source)
        return LINES[rule].at(_num_readable(index), num_items)

    def ranking_memory_mb(self, source: str, index: str) -> int:
        """Memory of a ranking, as `proposal_memory_mb` has it."""
        lod = self.lod(source)
        return lod.ranking_memory_mb or ranking_mb(_num_readable(index), lod)

    def cost_files(self, dataset: str, source: str) -> list[str]:
        """What Snakemake notes of the jobs that made proposals, stage by stage."""
        own, base = f"{dataset}-{source}", f"{dataset}-{self.lod_base(source)}"
        found = self.study.proposals[source]
        if source in self.ranked_sources():
            lod = self.lod(source)
            jobs = [f"extract_features/{base}-{shard}" for shard in range(lod.num_shards)]
            jobs += [f"find_neighbours/{base}"]
            jobs += [f"score_pairs/{base}-{shard}" for shard in range(lod.score_shards)]
            jobs += [f"rank_regions/{base}", f"select_proposals/{own}"]
        elif isinstance(found, SearchedProposals):
            jobs = [f"search_boxes/{own}-{shard}" for shard in range(found.num_shards)] + [f"join_proposals/{own}"]
        else:
            jobs = [f"make_proposals/{own}"]
        return [f"benchmarks/jobs/{job}.tsv" for job in jobs]

    def inspection_settings(self, dataset: str, source: str) -> str:
        """Settings of a FiftyOne data set: what is shown, and the run whose crops are drawn if it uses this source."""
        inspection = self.study.inspection or InspectionSettings()
        value: dict[str, Any] = {
            "dataset_name": dataset,
            "source_name": source,
            "inspection": recorded(inspection),
            "study_seed": self.study.seed,
        }
        if inspection.run is not None and self.study.runs[inspection.run].views.proposals == source:
            value |= {"run_name": inspection.run, "run": recorded(self.study.runs[inspection.run])}
        return sorted_json(value)

    # Runs ---------------------------------------------------------------------------------------------------------

    def backbone(self, run: str, seed: int | str) -> str:
        """Weights of a run."""
        return f"{RESULTS}/pretrain/{run}/s{seed}/backbone.safetensors"

    def summary(self, run: str, seed: int | str) -> str:
        """Summary of a run."""
        return f"{RESULTS}/pretrain/{run}/s{seed}/summary.json"

    def run_proposals(self, run: str) -> list[str]:
        """Proposals that a run draws its boxes from, if it does, and their summary."""
        settings = self.study.runs[run]
        if not settings.uses_objects or settings.views.proposals is None or not settings.is_trained:
            return []
        source = settings.views.proposals
        return [self.proposals(settings.dataset, source), self.proposals_summary(settings.dataset, source)]

    def run_annotations(self, run: str) -> list[str]:
        """Labels, for a supervised run, and to monitor the neighbours of features."""
        settings = self.study.runs[run]
        is_used = settings.is_trained and settings.training.monitor_knn
        return [self.annotations(settings.dataset)] if settings.method == "supervised" or is_used else []

    def run_settings(self, run: str) -> str:
        """Settings that pretraining a run depends on."""
        value = {"run_name": run, "run": recorded(self.study.runs[run]), "study_seed": self.study.seed}
        return sorted_json(value)

    def task_settings(self, run: str, task: str) -> str:
        """Settings that judging a run by a task depends on."""
        settings = self.study.tasks[task]
        value = {
            "run_name": run,
            "run": recorded(self.study.runs[run]),
            "task_name": task,
            "task": recorded(settings),
            "study_seed": self.study.seed,
        }
        if not isinstance(settings, LinearTask):
            dataset = self.study.datasets[settings.dataset]
            value |= {"dataset_name": settings.dataset, "dataset": recorded(dataset)}
        return sorted_json(value)

    def tasks_of(self, kind: str) -> list[str]:
        """Names of the tasks of a kind."""
        return [name for name, task in self.study.tasks.items() if task.kind == kind]

    def task_files(self, task: str) -> list[str]:
        """What a detection task reads: the summary of the drawing, or the raw annotation files that exist now."""
        dataset = self.study.tasks[task].dataset
        return self.drawing(dataset) + self.raw_files(dataset)

    # Results ------------------------------------------------------------------------------------------------------

    def result(self, run: str, seed: int | str, task: str) -> str:
        """Result of a task."""
        return f"{RESULTS}/eval/{run}/s{seed}/{task}.json"

    def cells(self, table: str) -> list[tuple[str, str]]:
        """The (run, task) pairs of a table, each once, in order."""
        spec = self.study.tables[table]
        runs = [row.run for row in spec.rows if row.run is not None]
        return list(dict.fromkeys((run, column.task) for run in runs for column in spec.columns))

    def table_results(self, table: str) -> list[str]:
        """Result files that a table is made of."""
        return [self.result(run, seed, task) for run, task in self.cells(table) for seed in self.study.seeds]

    def table_summaries(self, table: str) -> list[str]:
        """Summaries of the trained runs of a table, for its curves."""
        runs = dict.fromkeys(run for run, _ in self.cells(table) if self.study.runs[run].is_trained)
        return [self.summary(run, seed) for run in runs for seed in self.study.seeds]

    def table_settings(self, table: str) -> str:
        """Settings of a table: its rows, and the settings hash that each result must carry."""
        expected = {f"{run}/{task}": result_hash(self.study, run, task) for run, task in self.cells(table)}
        spec = self.study.tables[table].model_dump(mode="json")
        return sorted_json({"table_name": table, "table": spec, "expected": expected, "seeds": list(self.study.seeds)})

    def tables(self, suffix: str = "md") -> list[str]:
        """The tables, as Markdown, csv or json."""
        return [f"{RESULTS}/tables/{table}.{suffix}" for table in self.study.tables]

    def table_targets(self, table: str) -> list[str]:
        """What `snakemake TABLE` makes."""
        return [f"{RESULTS}/tables/{table}.md"] + (
            [f"{RESULTS}/figures/{table}.svg"] if self.table_summaries(table) else []
        )

    def curves(self) -> list[str]:
        """Loss curves of the tables that have trained runs."""
        return [f"{RESULTS}/figures/{table}.svg" for table in self.study.tables if self.table_summaries(table)]

    def table_runs(self) -> list[str]:
        """Runs that some table names, in order."""
        return list(dict.fromkeys(run for table in self.study.tables for run, _ in self.cells(table)))

    def trained_runs(self) -> list[str]:
        """Those of them that are trained."""
        return [run for run in self.table_runs() if self.study.runs[run].is_trained]

    def ohms_datasets(self) -> list[str]:
        """Names of the subsets in use."""
        return [name for name in self.used_datasets() if isinstance(self.study.datasets[name], SubsetDataset)]

    def released_datasets(self) -> list[str]:
        """Names of the subsets that come from the authors' released lists."""
        return [name for name, dataset in self.study.datasets.items() if isinstance(dataset, ReleasedOhmsDataset)]

    def selected_datasets(self) -> list[str]:
        """Names of the subsets that the rules of OHMS make."""
        return [name for name, dataset in self.study.datasets.items() if isinstance(dataset, OhmsDataset)]

    def used_datasets(self) -> list[str]:
        """Data sets that a table or a measurement needs and all subsets, with those that they are made from."""
        runs, tasks = self.study.runs, self.study.tasks
        # names that are not there are problems of the config, told elsewhere
        todo = [runs[run].dataset for run in self.table_runs() if run in runs]
        todo += [tasks[task].dataset for table in self.study.tables for _, task in self.cells(table) if task in tasks]
        todo += list(self.study.measured_proposals)
        todo += [name for name, dataset in self.study.datasets.items() if isinstance(dataset, SubsetDataset)]
        found: dict[str, None] = {}
        while todo:
            name = todo.pop(0)
            if name in found or name not in self.study.datasets:
                continue
            found[name] = None
            dataset = self.study.datasets[name]
            if isinstance(dataset, SubsetDataset):
                todo.append(dataset.of)
            if isinstance(dataset, UnionDataset):
                todo += dataset.parts
        return list(found)

    def used_sources(self) -> list[str]:
        """Proposal sources that a table or a measurement needs, with those that they are made from."""
        runs, found = self.study.runs, dict[str, None]()
        todo: list[str | None] = [source for _, source in self.measured()]
        todo += [runs[run].views.proposals for run in self.table_runs() if run in runs and runs[run].uses_objects]
        while todo:
            name = todo.pop(0)
            if name is None or name in found or name not in self.study.proposals:
                continue
            found[name] = None
            todo += list(made_from(self.study, name))
        return list(found)

    def measured(self) -> list[tuple[str, str]]:
        """(data set, source) pairs whose proposals are measured and shown."""
        return [(dataset, source) for dataset, sources in self.study.measured_proposals.items() for source in sources]

    def trained_summaries(self) -> list[str]:
        """Summaries of all runs of the tables, every seed."""
        return [self.summary(run, seed) for run in self.table_runs() for seed in self.study.seeds]

    def qualities(self) -> list[str]:
        """How well the measured proposals find objects."""
        return [f"{RESULTS}/proposals/{dataset}/{source}.quality.json" for dataset, source in self.measured()]

    def measured_summaries(self) -> list[str]:
        """Summaries of the measured proposals."""
        return [self.proposals_summary(dataset, source) for dataset, source in self.measured()]

    def contact_sheets(self) -> list[str]:
        """Contact sheets: of each measured data set, random pictures with its first source, best and worst with all."""
        first = [f"{RESULTS}/inspect/{dataset}/{source}/contact_sheet.png" for dataset, source in self.main_sources()]
        return first + [
            f"{RESULTS}/inspect/{dataset}/{source}/{choice}.png"
            for dataset, source in self.measured()
            for choice in ("best", "worst")
        ]

    def view_sheets(self) -> list[str]:
        """Drawn views of the runs that train on pairs of views."""
        runs = [run for run in self.trained_runs() if self.study.runs[run].method != "supervised"]
        return [f"{RESULTS}/inspect/views/{run}.png" for run in runs]

    def subset_summaries(self) -> list[str]:
        """Summaries of the subsets."""
        return [f"{RESULTS}/ohms/{dataset}/summary.json" for dataset in self.ohms_datasets()]

    def subset_statistics(self) -> list[str]:
        """What the objects of the subsets are like, in numbers."""
        return [f"{RESULTS}/ohms/{dataset}/statistics.json" for dataset in self.ohms_datasets()]

    def subset_figures(self) -> list[str]:
        """The same, drawn."""
        return [f"{RESULTS}/ohms/{dataset}/figures.svg" for dataset in self.ohms_datasets()]

    def unreadable(self) -> list[str]:
        """Lists of unreadable pictures of the data sets in use."""
        return [f"{RESULTS}/images/{dataset}/unreadable.json" for dataset in self.indexed_datasets()]

    def indexed_datasets(self) -> list[str]:
        """Data sets whose pictures are opened: those that runs, tasks and measurements use themselves."""
        used = [self.study.runs[run].dataset for run in self.table_runs()]
        used += [self.study.tasks[task].dataset for table in self.study.tables for _, task in self.cells(table)]
        return list(dict.fromkeys([*used, *self.study.measured_proposals]))

    def sheet_settings(self, dataset: str, source: str) -> str:
        """Settings of a contact sheet."""
        return sorted_json({"dataset_name": dataset, "source_name": source, "study_seed": self.study.seed})

    def report_settings(self) -> str:
        """Settings of the page."""
        study = {"name": self.study.name, "title": self.study.title, "about": self.study.about}
        runs = {run: recorded(self.study.runs[run]) for run in self.table_runs()}
        used = {self.study.runs[run].views.proposals for run in self.table_runs() if self.study.runs[run].uses_objects}
        random = any(isinstance(self.study.proposals[source], RandomProposals) for source in used if source is not None)
        bases = {name: self.study.datasets[self.base(name)].source for name in self.ohms_datasets()}
        value = {"study": study | {"seeds": list(self.study.seeds)}, "runs": runs, "has_random_boxes": random}
        return sorted_json(value | {"subset_base_sources": bases})

    def main_sources(self) -> list[tuple[str, str]]:
        """(data set, source) pairs: each measured data set with its first source."""
        return [(dataset, sources[0]) for dataset, sources in self.study.measured_proposals.items() if sources]

    def inspections(self) -> list[str]:
        """FiftyOne exports: of each measured data set, with its first source."""
        if self.study.inspection is None:
            return []
        return [
            f"{RESULTS}/inspect/{dataset}/{source}/fiftyone/manifest.json" for dataset, source in self.main_sources()
        ]

    def missing_data(self) -> dict[str, str]:
        """Files and folders that the tables need and that are not under the data root, each with what to do about it."""
        root = Path(self.study.data)
        used = [self.study.datasets[name] for name in self.used_datasets()]
        wanted = {location: how_to_get(dataset.source) for dataset in used for location in expected_locations(dataset)}
        weights = [run.backbone.weights for name, run in self.study.runs.items() if name in self.table_runs()]
        wanted |= {file: "put the weights there" for file in weights if file is not None}
        wanted |= {
            location: "put it there" for source in self.used_sources() for location in self.source_locations(source)
        }
        return {
            (root / location).as_posix(): what for location, what in wanted.items() if not (root / location).exists()
        }

    def data_problems(self) -> list[str]:
        """A sentence for each file and folder that is not there."""
        return [f"{path} is not there: {what}, or set data_root" for path, what in self.missing_data().items()]

    def require_data(self) -> None:
        """Check that everything under the data root is there.

        Raises:
            StudyError: naming all that is missing.
        """
        if problems := self.data_problems():
            raise StudyError(problems)

    # Resources ----------------------------------------------------------------------------------------------------

    def resources(self, kind: str, name: str) -> dict[str, int]:
        """Cores, GPUs, memory in MB and minutes that a run (`run`) or a task (`task`) asks for."""
        owner: Section = self.study.runs[name] if kind == "run" else self.study.tasks[name]
        asked = owner.resources  # type: ignore[attr-defined]
        return {"cpus": asked.cpus, "gpu": asked.gpus, "mem_mb": asked.memory_mb, "runtime": ceil(60 * asked.hours)}

    def keeping(self, run: str) -> dict[str, int]:
        """How pretraining a run keeps its state, and the peak of its device: resources, as no result depends on them."""
        asked = self.study.runs[run].resources
        names = ("save_every_minutes", "kept_states", "peak_teraflops")
        return {name: getattr(asked, name) for name in names}


def load_plan(config: Mapping[str, Any]) -> Plan:
    """The plan of a merged config; files under the data root need not be there, as a dry run plans without them.

    Raises:
        StudyError: listing every problem of the config, and then also every missing file or folder.
    """
    study, problems = examine(config)
    if study is not None and problems:
        problems += Plan(study).data_problems()
    if study is None or problems:
        raise StudyError(problems)
    return Plan(study)


def _num_readable(index: str) -> int:
    """Pictures, from the JSON that indexing wrote."""
    return int(json.loads(Path(index).read_text(encoding="utf-8"))["num_readable"])
