"""Select an OHMS subset: the images that show several classes which are common enough."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import SelectOhmsJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, SelectOhmsJob, ["annotations", "classes"])
    parser.add_output("images-out", "IMAGES to write")
    parser.add_output("classes-out", "CLASSES to write")
    parser.add_output("boxes-out", "ANNOTATIONS to write")
    parser.add_output("summary", "JSON to write: counts beside the paper's")
    args = parser.parse_args(argv)
    job = SelectOhmsJob.parse(args.settings)
    made = parser.begin("select_ohms", args)

    from objectcrop.ohms import select_ohms
    from objectcrop.runtime.atomic import write_json
    from objectcrop.tables import ANNOTATIONS, CLASSES, IMAGES, read_table, write_table

    boxes = read_table(args.annotations, ANNOTATIONS, categories=True)
    subset = select_ohms(boxes, read_table(args.classes, CLASSES), job.dataset)
    tables = (subset.boxes, subset.images, subset.classes)
    paths = (args.boxes_out, args.images_out, args.classes_out)
    with ThreadPoolExecutor() as pool:
        list(pool.map(write_table, tables, paths, (ANNOTATIONS, IMAGES, CLASSES)))
    write_json(args.summary, {"dataset": job.dataset_name, **subset.summary})
    for step in subset.summary["steps"]:
        print(f"{step['rule']}: {step['num_images']} images, {step['num_classes']} classes")
    for split, counts in subset.summary["splits"].items():
        print(f"{split}: " + ", ".join(f"{name} {value:g}" for name, value in counts.items()))
    print("paper, train: " + ", ".join(f"{name} {value:g}" for name, value in subset.summary["paper"].items()))
    made.finish()


if __name__ == "__main__":
    run(main)
