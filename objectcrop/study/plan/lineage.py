"""How each file of a study is made: its rule, and the settings of the job."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from objectcrop.study.jobs.job import Job
from objectcrop.study.plan import paths
from objectcrop.study.plan.classes import ClassPlan
from objectcrop.study.plan.downloads import DownloadPlan
from objectcrop.study.plan.images import ImagePlan
from objectcrop.study.plan.lod import LodPlan
from objectcrop.study.plan.proposals import ProposalPlan
from objectcrop.study.plan.report import ReportPlan
from objectcrop.study.plan.results import ResultPlan
from objectcrop.study.plan.runs import RunPlan
from objectcrop.study.settings.datasets import DrawnDataset, PreparedDataset
from objectcrop.study.settings.subsets import ReleasedOhmsDataset, SubsetDataset
from objectcrop.study.study import Study

ANY = {"seed": "{seed}", "shard": "{shard}"}
"""What stands for any number in a path."""

Made = tuple[str, str, Job | None]
"""A path, the rule that makes it, and the job; None for a rule without settings."""


@dataclass(frozen=True)
class LineagePlan:
    """The files of one study."""

    study: Study

    def files(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return rule and settings of every file that rules exchange or people read, by path."""
        return self.results() | _by_path([*self._sheets(), *self._pages()])

    def results(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return the same of the files that numbers in tables come from."""
        return _by_path([*self._images(), *self._proposals(), *self._runs(), *self._results()])

    def _images(self) -> Iterator[Made]:
        images, downloads = ImagePlan(self.study), DownloadPlan(self.study)
        for name, dataset in self.study.datasets.items():
            job = images.dataset_job(name)
            is_prepared = isinstance(dataset, PreparedDataset)
            indexing = images.prepare_job(name) if is_prepared else images.index_job(name)
            rule = "prepare_images" if is_prepared else "index_images"
            yield from _all((paths.MANIFEST, paths.UNREADABLE, paths.IMAGE_FILES), rule, indexing, dataset=name)
            yield from _all((paths.ANNOTATIONS, paths.CLASSES), "read_annotations", job, dataset=name)
            if isinstance(dataset, DrawnDataset):
                yield from _all((paths.DRAWING,), "draw_scenes", job, dataset=name)
            if isinstance(dataset, SubsetDataset):
                is_released = isinstance(dataset, ReleasedOhmsDataset)
                rule = "convert_released_dicts" if is_released else "select_ohms"
                yield from _all(SUBSET, rule, job, dataset=name)
            if downloads.of(name) is not None:
                if downloads.base(name) == name:
                    yield from _all((paths.METADATA,), "download_metadata", downloads.metadata_job(name), dataset=name)
                yield from _all((paths.FETCHED_IMAGES,), "fetch_images", downloads.image_job(name), dataset=name)

    def _proposals(self) -> Iterator[Made]:
        for source in self.study.proposals:
            made = list(self._of_source(source))
            for dataset in self.study.datasets:
                for part in made:
                    yield from _all(*part, dataset=dataset, source=source)

    def _sheets(self) -> Iterator[Made]:
        proposals = ProposalPlan(self.study)
        for dataset, source in ReportPlan(self.study).measured():
            names = {"dataset": dataset, "source": source}
            yield from _all((paths.QUALITY,), "measure_proposals", None, **names)
            sheets = paths.CONTACT_SHEET, paths.BEST_SHEET, paths.WORST_SHEET
            yield from _all(sheets, "draw_contact_sheet", proposals.sheet_job(dataset, source), **names)
            inspection = proposals.inspection_job(dataset, source)
            yield from _all((paths.INSPECTION,), "build_inspection", inspection, **names)
        for run in self.study.runs:
            yield from _all((paths.VIEW_SHEET,), "draw_views", RunPlan(self.study).job(run), run=run)
        for name, settings in self.study.datasets.items():
            if isinstance(settings, SubsetDataset):
                job = ImagePlan(self.study).dataset_job(name)
                measured = paths.SUBSET_STATISTICS, paths.CLASS_STATISTICS
                yield from _all(measured, "measure_subset", job, dataset=name)
                yield from _all((paths.SUBSET_FIGURES,), "plot_subset", None, dataset=name)

    def _of_source(self, source: str) -> Iterator[tuple[tuple[str, ...], str, Job | None]]:
        lod, proposals = LodPlan(self.study), ProposalPlan(self.study)
        if source in lod.sources():
            yield (paths.FEATURES,), "extract_features", lod.features_job(source)
            yield (paths.NEIGHBOURS,), "find_neighbours", lod.job("neighbours", source)
            yield (paths.SCORES,), "score_pairs", lod.job("scores", source)
            yield (paths.RANKING,), "rank_regions", lod.job("ranking", source)
        tables = paths.PROPOSALS, paths.PROPOSALS_SUMMARY
        if source in lod.ranked_sources():
            yield tables, "select_proposals", lod.selection_job(source)
        elif source in proposals.searched_sources():
            yield (paths.SEARCHED_BOXES,), "search_boxes", proposals.job(source)
            yield tables, "join_proposals", proposals.job(source)
        else:
            yield tables, "make_proposals", proposals.job(source)

    def _runs(self) -> Iterator[Made]:
        for run in self.study.runs:
            job = RunPlan(self.study).job(run)
            yield from _all((paths.BACKBONE, paths.RUN_SUMMARY), "pretrain", job, run=run)
            yield from _all((paths.EXPORTED_BACKBONE,), "export_backbone", None, run=run)

    def _results(self) -> Iterator[Made]:
        results = ResultPlan(self.study)
        for run, task in results.judged():
            kind = self.study.tasks[task].kind
            beside = {"linear": (paths.RESULT_SCORES,), "semantic_segmenter": ()}.get(kind, (paths.PREDICTIONS,))
            made = (paths.RESULT, *beside)
            rule = RULES.get(kind, "fine_tune")
            yield from _all(made, rule, results.job(run, task), run=run, task=task)

    def _pages(self) -> Iterator[Made]:
        results = ResultPlan(self.study)
        for table in self.study.tables:
            formats = paths.TABLE_MARKDOWN, paths.TABLE_CSV, paths.TABLE_JSON, paths.TABLE_LATEX
            yield from _all(formats, "render_table", results.table_job(table), table=table)
            yield from _all((paths.FIGURES,), "draw_figures", results.figures_job(table), table=table)
        classes = ClassPlan(self.study)
        for table in classes.tables():
            made = paths.CLASS_ANALYSIS, paths.CLASS_FIGURES, paths.WORST_IMAGES
            yield from _all(made, "analyse_classes", classes.job(table), table=table)
        yield from _all((paths.PAGE,), "write_report", ReportPlan(self.study).job())


RULES = {"linear": "evaluate_linear", "semantic_segmenter": "segment"}
"""Of kinds of tasks that are no detectors."""
SUBSET = (paths.SUBSET_IMAGES, paths.SUBSET_CLASSES, paths.SUBSET_BOXES, paths.SUBSET_SUMMARY)


def _by_path(made: list[Made]) -> dict[str, tuple[str, dict[str, Any]]]:
    return {path: (rule, {} if job is None else job.values()) for path, rule, job in made}


def _all(templates: tuple[str, ...], rule: str, job: Job | None, **names: str) -> Iterator[Made]:
    for template in templates:
        yield template.format(**names, **ANY), rule, job
