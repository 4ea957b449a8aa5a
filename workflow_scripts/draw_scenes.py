"""Draw the scenes of a drawn data set under the data root, with boxes and masks; what is there is not drawn again."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.images import DrawScenesJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, DrawScenesJob, ["data-root", "threads"])
    parser.add_output("out", "JSON of counts and sizes to write")
    args = parser.parse_args(argv)
    job = DrawScenesJob.parse(args.settings)
    made = parser.begin("draw_scenes", args)

    import time

    from objectcrop.data.drawn.dataset import draw_dataset
    from objectcrop.data.drawn.summary import summarize_records
    from objectcrop.runtime.atomic import write_json
    from objectcrop.study.settings.section import recorded

    start = time.perf_counter()
    done = draw_dataset(job.dataset_name, job.dataset, args.data_root, num_workers=args.threads)
    seconds = time.perf_counter() - start
    summary = {
        "dataset": job.dataset_name,
        "settings": recorded(job.dataset),
        "splits": summarize_records(done["records"], job.dataset),
        "num_drawn_now": done["num_drawn"],
        "seconds": seconds,
        "scenes_per_second": done["num_drawn"] / seconds,
        "num_workers": args.threads,
    }
    write_json(args.out, summary)
    made.finish()


if __name__ == "__main__":
    run(main)
