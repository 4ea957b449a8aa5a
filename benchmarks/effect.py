"""Collect what the effect study measured into benchmarks/results/effect.json and draw its figure; `make effect` trains it.

Every result of both presets (drawn scenes, photographs) that is in the folder of results now, with its commit and the hash of its
settings. `--add` keeps the rows that an earlier collection holds and this folder does not: the study takes hours, and may be run
in parts and on several machines.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from effect_parts.matching import Prepared, measure_matches, prepare
from first_run_parts.recorded import machine, versions
from results_parts import effect_figure

from objectcrop.networks.weights import load_backbone
from objectcrop.study.plan import paths
from objectcrop.study.plan.plan import load_plan
from objectcrop.study.settings.datasets import DrawnDataset
from objectcrop.study.study import Study

ROOT = Path(__file__).resolve().parents[1]
FIGURE = ROOT / "docs/figures/effect.svg"
FIGURE = ROOT / "docs/figures/effect.svg"
OUT = ROOT / "benchmarks/results/effect.json"
PRESETS = ("effect", "effect_photographs")
METRICS = ("top1", "map", "map_small", "map_medium", "map_large")
QUALITY = ("corloc", "det_rate", "mabo", "mean_area_share")
SIZE_PX = 48
"""Side of the views that the runs were trained on."""
Row = dict[str, Any]


def results(study: Study, folder: Path) -> Iterator[Row]:
    """Yield a row for each run, seed and task of one setting that was measured."""
    for run in study.runs:
        crops, setting = run.split("-", 1)
        for task in study.tasks:
            if task.split("-", 1)[1] != setting:
                continue
            for path in sorted(folder.glob(_below(paths.RESULT.format(run=run, seed="*", task=task)))):
                result = json.loads(path.read_text(encoding="utf-8"))
                yield {
                    "setting": setting,
                    "crops": crops,
                    "outcome": task.split("-", 1)[0],
                    "seed": result["seed"],
                    "values": {name: result["metrics"][name] for name in METRICS if name in result["metrics"]},
                    "settings_hash": result["settings_hash"],
                    "commit": result["provenance"]["commit"],
                    "machine": machine(),
                }


def proposals(study: Study, folder: Path) -> Iterator[Row]:
    """Yield a row for each source of boxes whose quality was measured."""
    for setting, sources in study.measured_proposals.items():
        for source in sources:
            path = folder / _below(paths.QUALITY.format(dataset=setting, source=source))
            if path.is_file():
                quality = json.loads(path.read_text(encoding="utf-8"))
                values = {name: quality[name] for name in QUALITY}
                yield {"setting": setting, "source": source.split("-", 1)[0], "values": values, "machine": machine()}


def matches(study: Study, folder: Path) -> Iterator[Row]:
    """Yield a row for each trunk that is there: what it takes for the same."""
    prepared: dict[str, Prepared] = {}
    for run, settings in study.runs.items():
        crops, setting = run.split("-", 1)
        dataset = study.datasets[settings.dataset]
        if not isinstance(dataset, DrawnDataset):
            continue  # photographs cannot be painted without their objects
        for path in sorted(folder.glob(_below(paths.BACKBONE.format(run=run, seed="*")))):
            if setting not in prepared:
                prepared[setting] = prepare(dataset, SIZE_PX)
            measured = measure_matches(load_backbone(path, settings.backbone), prepared[setting])
            seed = int(path.parent.name.removeprefix("s"))
            yield {"setting": setting, "crops": crops, "seed": seed, "values": measured._asdict(), "machine": machine()}


def _below(path: str) -> str:
    return path.removeprefix("results/")


def joined(rows: list[Row], kept: list[Row], names: tuple[str, ...]) -> list[Row]:
    """Return all rows, the new one where both have one of these names.

    Raises:
        ValueError: if a kept row was measured by other settings than a new one of another seed.
    """
    new = {tuple(row[name] for name in names): row for row in rows}
    hashes = {key[:3]: row["settings_hash"] for key, row in new.items() if "settings_hash" in row}
    for row in kept:
        key = tuple(row[name] for name in names)
        if hashes.get(key[:3], row.get("settings_hash")) != row.get("settings_hash"):
            raise ValueError(
                f"{OUT.name}: {key} was measured by other settings than now: run without --add, or remove it"
            )
        new.setdefault(key, row)
    return [new[key] for key in sorted(new)]


def _commits(rows: list[Row]) -> str:
    commits = sorted({row["commit"] for row in rows})
    return f"commit {', '.join(commits)}." if commits else "no commit yet."


def studies() -> list[Study]:
    """Return the study of drawn scenes and that of photographs."""
    texts = [(ROOT / f"presets/{name}.yaml").read_text(encoding="utf-8") for name in PRESETS]
    return [load_plan(yaml.safe_load(text)).study for text in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder that Snakemake wrote")
    parser.add_argument("--add", action="store_true", help="keep rows of an earlier collection")
    args = parser.parse_args()
    earlier = (
        json.loads(OUT.read_text(encoding="utf-8"))
        if args.add and OUT.is_file()
        else {"results": [], "boxes": [], "matches": []}
    )
    found, boxes, matched = (
        [row for study in studies() for row in of(study, args.results)] for of in (results, proposals, matches)
    )
    rows = joined(found, earlier["results"], ("setting", "crops", "outcome", "seed"))
    collected = {
        "command": " ".join(["python benchmarks/effect.py", *sys.argv[1:]]),
        "recorded": "results of presets/effect.yaml, which `make effect` runs whole, at " + _commits(rows),
        "machine": "; ".join(sorted({row["machine"] for row in [*found, *earlier["results"]]})),
        "versions": versions(),
        "results": rows,
        "boxes": joined(boxes, earlier["boxes"], ("setting", "source")),
        "matches": joined(matched, earlier["matches"], ("setting", "crops", "seed")),
    }
    OUT.write_text(json.dumps(collected, indent=1) + "\n", encoding="utf-8")
    effect_figure.draw(collected, FIGURE)
    print(
        f"{len(found)} results found in {args.results}, {len(collected['results'])} collected in {OUT.relative_to(ROOT)}"
    )


if __name__ == "__main__":
    main()
