"""Proposals, objects and the crops of a run -> a FiftyOne data set, exported as a folder without images."""

from collections.abc import Sequence

from objectcrop.runtime.command import run
from objectcrop.study.jobs.inspection import InspectionJob
from workflow_scripts.arguments import job_parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = job_parser(__doc__, InspectionJob, ["data-root", "manifest", "annotations", "classes", "proposals"])
    parser.add_input("proposals-summary", "JSON that holds object_scale_min")
    parser.add_output("out", "manifest.json of the export, in a folder of its own")
    args = parser.parse_args(argv)
    job = InspectionJob.parse(args.settings)
    made = parser.begin("build_inspection", args)

    from objectcrop.identity.provenance import provenance
    from objectcrop.inspection.color_scheme import dress
    from objectcrop.inspection.database import throwaway_database
    from objectcrop.inspection.dataset import make_dataset
    from objectcrop.inspection.export import write_export
    from objectcrop.inspection.records import choose_images, make_records
    from objectcrop.tables import ANNOTATIONS, CLASSES, MANIFEST, PROPOSALS, read_table

    seed, inspection = job.study_seed, job.inspection
    proposals, classes = read_table(args.proposals, PROPOSALS), read_table(args.classes, CLASSES)
    manifest, annotations = read_table(args.manifest, MANIFEST), read_table(args.annotations, ANNOTATIONS)
    images = choose_images(manifest, proposals, max_images=inspection.max_images, seed=seed)
    pairs = None
    if job.run is not None:
        from objectcrop.inspection.crops import draw_pairs
        from objectcrop.runtime.atomic import read_json

        views = job.run.views
        auto = read_json(args.proposals_summary)["object_scale_min"]
        scale = auto if views.object_scale_min == "auto" else views.object_scale_min
        number = inspection.pairs_per_image
        pairs = draw_pairs(images, proposals, views, object_scale_min=scale, num_pairs=number, seed=seed)
    about = {"settings": job.values(), "data_root": str(args.data_root), "provenance": provenance()}
    with throwaway_database():
        name, has_crops = f"{job.dataset_name}-{job.source_name}", pairs is not None
        names = dict(zip(classes["class_id"], classes["name"], strict=True))
        records = make_records(images, annotations, proposals, names, pairs)
        dataset = make_dataset(records, name, data_root=args.data_root, with_crops=has_crops)
        dress(dataset, with_crops=has_crops)
        write_export(dataset, args.out.parent, data_root=args.data_root, about=about)
    print(f"{len(images)} images -> {args.out.parent}")
    made.finish()


if __name__ == "__main__":
    run(main)
