import json

from objectcrop.study.plan.memory import MemoryLine, num_indexed, ranking_mb
from objectcrop.study.settings.proposals import LodProposals


def test_a_line_counts_images_and_their_items_and_rounds_up():
    line = MemoryLine(fixed_mb=1000, bytes_per_image=600, bytes_per_item=80)
    assert line.at(0, 5) == 1000
    assert line.at(1, 5) == 1001
    assert line.at(2_000_000, 5) == 1000 + 2 * (600 + 400)


def test_the_images_counted_are_those_that_can_be_read(tmp_path):
    index = tmp_path / "unreadable.json"
    index.write_text(json.dumps({"num_readable": 7, "num_unreadable": 2}))
    assert num_indexed(str(index)) == 7


def test_each_process_of_a_ranking_holds_whole_vectors():
    lod = {"kind": "lod", "features_run": "scene", "max_regions": 100, "num_neighbours": 1, "max_scores_per_pair": 1}
    one, two = (LodProposals.model_validate(lod | {"ranking_processes": processes}) for processes in (1, 2))
    assert ranking_mb(1_000_000, one) == 1300 + (80 + 28) * 100
    assert ranking_mb(1_000_000, two) == 2600 + (2 * 80 + 28) * 100
