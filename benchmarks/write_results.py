"""Write docs/results/*.md from benchmarks/results/*.json: a page for each file. `--check` only says whether they are fresh."""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

from results_parts import layouts
from results_parts.benchmarks import benchmarks_page
from results_parts.document import page

ROOT = Path(__file__).resolve().parents[1]
RESULTS, PAGES = ROOT / "benchmarks/results", ROOT / "docs/results"


class Heading(NamedTuple):
    """What a page is about."""

    title: str
    about: str = ""


HEADINGS = {
    "coco_metric": Heading(
        "COCO's metric",
        "Boxes and masks of drawn detections, 100 an image of 80 classes, by the reference and by the other choice of a "
        "segmenter's `evaluator` (docs/detection.md). The peak is what the metric adds to annotations and detections.",
    ),
    "drawn": Heading("Drawing scenes"),
    "drawn_learnability": Heading("Can drawn scenes be learned in minutes?"),
    "effect": Heading(
        "Where object crops pay",
        "The study that [decision 0013](../decisions/0013-effect-study.md) planned before its runs: drawn scenes whose backgrounds "
        "name a scene (unique) or do not (shared), and crops of scenes, of objects and of random boxes. near: one object, half of "
        "the scene; few: two of a fifth each; many: four of 6% each.\n\n![Gains](../figures/effect.svg)",
    ),
    "first_run": Heading("The demo, rule by rule"),
    "gpu": Heading(
        "A training step on a GPU",
        "Each method's step beside what the GPU can do. Bounds: operations over the measured rate of products, or bytes over that "
        "of the memory, whichever takes longer, of an uncompiled step. A compiled step fuses operators, and may be faster than "
        "the bound by every operator, but not than that by products alone.",
    ),
    "instruction_sets": Heading(
        "One run on several processors",
        "Runs of the tiny study, lengthened, with equal seeds: beside the machine's own kernels in float32 the same once more, "
        "AVX2 kernels in float32, and bfloat16, which `auto` takes where the processor has it (docs/rerun.md). Trainings this "
        "small are chaotic: what differs in the last bits of a step is multiplied by every later one.",
    ),
    "loader": Heading(
        "Making views",
        "Pairs of 224 px on one core, by processor time, from one box of 0.2 to 0.4 of each image. `classic`: PIL and torchvision "
        "with MoCo-v2's recipe, crops cut out first for objects, as the authors' release does. Peers give normalised floats. Crops "
        "against Pillow's: peak signal to noise in dB, of the same crops decoded and resized by Pillow alone. Memory in MiB.",
    ),
    "lod": Heading("Costs of LOD", "Each stage on one core, beside the specification written out in NumPy."),
    "lod_memory": Heading("Memory of LOD", "The rules' own scripts on drawn collections."),
    "lod_memory_before": Heading("Memory of LOD before blocks"),
    "lod_other_runs": Heading("Costs of LOD: other runs"),
    "methods_drawn": Heading("Every method on drawn scenes"),
    "oac_price": Heading(
        "The price of OAC's extra losses",
        "Readings of what the paper leaves open (`losses` of a run, docs/config.md), with MoCo-v2. Operations: ResNet-50 at "
        "224 pixels, forward and backward, keys and a queue of 65,536 included. Times: ResNet-18 of a quarter of the width at "
        "64 pixels, which a queue of 4,096 and the optimizer weigh on; upper bounds, as other work shared the core.",
    ),
    "ohms": Heading("Making OHMS", "`read_annotations` and `select_ohms` on a drawn CSV, pinned to 2 cores."),
    "probe": Heading(
        "The linear probe",
        "Its metrics on drawn scores; 5 learning rates at once beside one at a time; cached views beside fresh ones, on "
        "drawn scenes of one near thing and a supervised trunk; and how often its 95 % intervals hold the truth, in simulations "
        "of 400 images and 5 classes.",
    ),
    "pair_content": Heading(
        "What the crops of a pair have in common",
        "Drawn scenes of the effect study ([decision 0013](../decisions/0013-effect-study.md)), before any training.",
    ),
    "proposals_drawn": Heading("Which proposals find objects: drawn scenes"),
    "proposals_photographs": Heading("Which proposals find objects: photographs"),
    "render": Heading(
        "The batched renderer",
        "256 pairs of 224 pixels with the widest augmentation. GPUs run what is compiled; before, 499 operations moved 173 GB.",
    ),
    "running_statistics": Heading(
        "Running statistics of the exported trunk",
        "What the extra losses' passes do to them. OAC (MoCo-v2, rotation, localization) of presets/drawn_methods.yaml, "
        "shortened. The trained weights of both columns are equal; only the running statistics of batch norm differ.",
    ),
    "set_up": Heading("Set-up"),
    "start": Heading(
        "The start of a training",
        "Before the first step, with as many images as Open Images and three proposals each; and what a worker of the loader "
        "copies of the tables that it shares with the others.",
    ),
    "step": Heading(
        "A step of training",
        "Each method beside lightly's blocks and a plain reference, at equal settings: ResNet-18 of half the width, 64 pixels, 128 "
        "pairs, a queue of 4,096, batch norm over the batch, float32. Steps alternate, ratios are medians of those of a round.",
    ),
    "supervised_loss": Heading(
        "The supervised loss", "Figures behind [decision 0009](../decisions/0009-supervised-loss.md)."
    ),
    "thirty_steps": Heading("Every method trains with every loss"),
    "workflow": Heading(
        "The workflow's own time",
        "Dry runs of a study beside the same jobs, which need each other in the same way, in a Snakefile that holds nothing else: "
        "rules with an input, an output and a command (Snakemake alone), and rules with the directives of ours, but constant. The "
        "paper has 1,792 shards of images in eight sources of LOD; with 256 shards it has 32 in each.",
    ),
}


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file of results."""
    titles = {name: heading.title for name, heading in HEADINGS.items()}
    together = {"README": index(), "benchmarks": benchmarks_page(titles, RESULTS)}
    return {path.stem: text_of(path) for path in sorted(RESULTS.glob("*.json"))} | together


def text_of(path: Path) -> str:
    """Return the page of one file of results.

    Raises:
        ValueError: if the file has no heading here.
    """
    if path.stem not in HEADINGS:
        raise ValueError(
            f"benchmarks/results/{path.name} has no heading: add it to HEADINGS of benchmarks/write_results.py"
        )
    result, heading = json.loads(path.read_text(encoding="utf-8")), HEADINGS[path.stem]
    if "tables" in result:
        return page(heading.title, result, result["about"], layouts.recorded(result))
    layout = getattr(layouts, path.stem, lambda result: [layouts.all_rows(result)])
    return page(heading.title, result, heading.about.split("\n\n") if heading.about else [], layout(result))


def index() -> str:
    """Return the list of all pages."""
    lines = ["# Results", "", "Made by `python benchmarks/write_results.py`; do not edit.", ""]
    names = sorted(path.stem for path in RESULTS.glob("*.json"))
    lines += ["- [Benchmarks](benchmarks.md): the key figure of each, its command, commit and machine", ""]
    lines += [f"- [{HEADINGS[name].title}]({name}.md)" for name in names]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")
    args = parser.parse_args()
    for name, text in pages().items():
        path = PAGES / f"{name}.md"
        if args.check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            sys.exit(f"{path.relative_to(ROOT)} is out of date; run `python benchmarks/write_results.py`")
        if not args.check:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
