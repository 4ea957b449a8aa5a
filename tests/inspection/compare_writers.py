"""Write the same records by `add_records` and by FiftyOne's `add_samples`; print both, without what must differ, as JSON.

Run by test_dataset.py in a process of its own.
"""

import json
import sys
from pathlib import Path

from bson import json_util

from objectcrop.inspection.database import throwaway_database
from objectcrop.inspection.dataset import add_records, declare, to_sample
from objectcrop.inspection.records import DrawnPair, choose_images, make_records
from objectcrop.tables import ANNOTATIONS, MANIFEST, PROPOSALS, read_table
from tests.inspection.small_study import BALL, GROUP

IDS = ("_id", "_dataset_id", "_rand", "created_at", "last_modified_at")


def without_ids(value):
    if isinstance(value, dict):
        return {key: without_ids(inner) for key, inner in sorted(value.items()) if key not in IDS}
    return [without_ids(inner) for inner in value] if isinstance(value, list) else value


def main(folder):
    import fiftyone as fo

    files = (("manifest", MANIFEST), ("annotations", ANNOTATIONS), ("proposals", PROPOSALS))
    manifest, annotations, proposals = (read_table(folder / f"{name}.parquet", schema) for name, schema in files)
    images = choose_images(manifest, proposals, max_images=100, seed=0)
    pairs = {"scene-0": [DrawnPair(0, *[BALL] * 4), DrawnPair(-1, *[GROUP] * 4)]}
    records = list(make_records(images, annotations, proposals, {}, pairs))
    answer = {}
    for name in ("ours", "ours again", "theirs"):
        dataset = fo.Dataset(name)
        declare(dataset, with_crops=True)
        if name == "theirs":
            dataset.add_samples([to_sample(record, folder / "data") for record in records], progress=False)
        else:
            add_records(dataset, records, folder / "data")
        documents = list(dataset._sample_collection.find().sort("filepath"))
        answer[name] = {
            "documents": without_ids(json.loads(json_util.dumps(documents))),
            "schema": {key: str(field) for key, field in sorted(dataset.get_field_schema(flat=True).items())},
            "ids": sorted(map(str, dataset.values("id") + dataset.values("view1_crops.detections.id", unwind=True))),
            "repr": [str(sample.to_dict(include_private=False)["num_objects"]) for sample in dataset],
        }
    print(json.dumps(answer))


if __name__ == "__main__":
    with throwaway_database():
        main(Path(sys.argv[1]))
