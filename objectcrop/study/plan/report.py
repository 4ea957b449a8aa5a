"""The page that people read: the tables, figures and sheets that it shows, and its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objectcrop.study.jobs.report import ReportJob, StudyWords
from objectcrop.study.plan import paths
from objectcrop.study.plan.classes import ClassPlan
from objectcrop.study.plan.downloads import DownloadPlan
from objectcrop.study.plan.needs import NeedPlan
from objectcrop.study.plan.results import ResultPlan
from objectcrop.study.plan.runs import RunPlan
from objectcrop.study.settings.section import recorded
from objectcrop.study.settings.subsets import SubsetDataset
from objectcrop.study.study import Study


@dataclass(frozen=True)
class ReportPlan:
    """The report of one study."""

    study: Study

    @property
    def results(self) -> ResultPlan:
        """The tables, and the runs in them."""
        return ResultPlan(self.study)

    def inputs(self) -> dict[str, list[str]]:
        """Return everything that the page shows."""
        return {
            "tables": [paths.TABLE_JSON.format(table=table) for table in self.study.tables],
            "figures": [paths.FIGURES.format(table=table) for table in self.study.tables],
            "class_analyses": ClassPlan(self.study).all_of(paths.CLASS_ANALYSIS),
            "class_figures": ClassPlan(self.study).all_of(paths.CLASS_FIGURES),
            "worst_images": ClassPlan(self.study).all_of(paths.WORST_IMAGES),
            "predictions": self.predictions(),
            "summaries": self.run_summaries(),
            "subsets": self._of_subsets(paths.SUBSET_SUMMARY),
            "subset_statistics": self._of_subsets(paths.SUBSET_STATISTICS),
            "subset_figures": self._of_subsets(paths.SUBSET_FIGURES),
            "proposals": self._of_measured(paths.PROPOSALS_SUMMARY),
            "qualities": self._of_measured(paths.QUALITY),
            "sheets": self.contact_sheets(),
            "views": self.view_sheets(),
            "unreadable": [paths.UNREADABLE.format(dataset=dataset) for dataset in self.indexed_datasets()],
        }

    def predictions(self) -> list[str]:
        """Return the drawn predictions of all fine-tuned detectors of the tables, first seed."""
        pairs = [
            (run, task) for run, task in self.results.judged() if task in self.results.tasks_of("detector", "segmenter")
        ]
        return [paths.PREDICTIONS.format(run=run, seed=self.study.seeds[0], task=task) for run, task in pairs]

    def run_summaries(self) -> list[str]:
        """Return the summaries of all runs of the tables, every seed."""
        return [RunPlan(self.study).summary(run, seed) for run in self.results.runs() for seed in self.study.seeds]

    def subsets(self) -> list[str]:
        """Return the names of the subsets that are shown: those in use, and those that the study measures."""
        return [
            name for name in NeedPlan(self.study).datasets() if isinstance(self.study.datasets[name], SubsetDataset)
        ]

    def measured(self) -> list[tuple[str, str]]:
        """Return the (data set, source) pairs whose proposals are measured and in the report."""
        return [(dataset, source) for dataset, sources in self.study.measured_proposals.items() for source in sources]

    def main_sources(self) -> list[tuple[str, str]]:
        """Return the (data set, source) pairs: each measured data set with its first source."""
        return [(dataset, sources[0]) for dataset, sources in self.study.measured_proposals.items() if sources]

    def contact_sheets(self) -> list[str]:
        """Return contact sheets: of each measured data set, random images with its first source, best and worst with all."""
        first = [paths.CONTACT_SHEET.format(dataset=dataset, source=source) for dataset, source in self.main_sources()]
        return first + [
            sheet.format(dataset=dataset, source=source)
            for dataset, source in self.measured()
            for sheet in (paths.BEST_SHEET, paths.WORST_SHEET)
        ]

    def view_sheets(self) -> list[str]:
        """Return drawn views of the runs that train on pairs of views."""
        runs = [run for run in self.results.trained_runs() if self.study.runs[run].method != "supervised"]
        return [paths.VIEW_SHEET.format(run=run) for run in runs]

    def indexed_datasets(self) -> list[str]:
        """Return the data sets whose images are opened: those that runs, tasks and measurements use themselves."""
        trained = [self.study.runs[run].dataset for run in self.results.trained_runs()]
        used = [dataset for dataset in trained if dataset is not None]
        used += [self.study.tasks[task].dataset for _, task in self.results.judged()]
        used += [dataset for dataset, _ in self.results.measured_proposals()]
        return list(dict.fromkeys([*used, *self.study.measured_proposals]))

    def inspections(self) -> list[str]:
        """Return the FiftyOne exports: of each measured data set, with its first source."""
        pairs = [] if self.study.inspection is None else self.main_sources()
        return [paths.INSPECTION.format(dataset=dataset, source=source) for dataset, source in pairs]

    def job(self) -> ReportJob:
        """Return the job that writes the page."""
        study = self.study
        bases = {name: DownloadPlan(study).base(name) for name in self.subsets()}
        return ReportJob(
            study=StudyWords(
                name=study.name, title=study.titled(study.title or study.name), about=study.about, seeds=study.seeds
            ),
            allow_stale=study.allow_stale,
            checks_images=study.tracking.images == "check",
            runs=differences({run: recorded(study.runs[run]) for run in self.results.runs()}),
            tables={table: self.results.as_shown(table) for table in study.tables},
            crops={run: self.results.crops(run) for run in self.results.runs()},
            methods={run: study.runs[run].method for run in self.results.runs()},
            subset_base_sources={name: study.datasets[base].source for name, base in bases.items()},
        )

    def _of_subsets(self, template: str) -> list[str]:
        return [template.format(dataset=dataset) for dataset in self.subsets()]

    def _of_measured(self, template: str) -> list[str]:
        return [template.format(dataset=dataset, source=source) for dataset, source in self.measured()]


def differences(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return each run's settings that differ from the first run's, as `path = value`; the first run's in words."""
    flat = {name: _flat(settings) for name, settings in runs.items()}
    names = list(flat)
    if not names:
        return {}
    base = flat[names[0]]
    texts = {names[0]: f"method = {base['method']}, data set = {base['dataset']}"}
    for name in names[1:]:
        parts = [f"{key} = {value}" for key, value in flat[name].items() if base.get(key) != value]
        texts[name] = ", ".join(parts) or "the same"
    return texts


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
