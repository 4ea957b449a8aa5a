"""How much memory the jobs of LOD ask for, by what the study knows: images, neighbours, boxes.

Each line stands above what `python benchmarks/lod_memory.py` measures, by a fifth or more; a test holds the two together.
Features are read and written image by image, so that their size does not count.
"""

import json
from pathlib import Path
from typing import NamedTuple

from objectcrop.study.settings.proposals import LodProposals


class MemoryLine(NamedTuple):
    """Memory of a rule's jobs."""

    fixed_mb: int
    """Of a job without images."""
    bytes_per_image: int
    """Of the data set, whatever its split."""
    bytes_per_item: int
    """Of each image's neighbours (find_neighbours) or boxes (the others), as many as the settings allow."""

    def at(self, num_images: int, num_items: int) -> int:
        """Return the megabytes."""
        return self.fixed_mb + -(-num_images * (self.bytes_per_image + self.bytes_per_item * num_items) // 1_000_000)


LINES = {
    "extract_features": MemoryLine(4000, 600, 0),
    "find_neighbours": MemoryLine(2000, 600, 80),
    "score_pairs": MemoryLine(3000, 600, 0),
    "select_proposals": MemoryLine(1500, 3000, 50),
    "search_boxes": MemoryLine(4000, 600, 0),
    "join_proposals": MemoryLine(1500, 2000, 300),
    "make_proposals": MemoryLine(1500, 3000, 300),
    "measure_proposals": MemoryLine(1500, 3000, 300),
}
"""By rule; the ranking has a form of its own."""

RANKING_FIXED_MB = 1300
"""Of each process: up to 650 of it are pages of libraries, of which kernels map more or fewer at once."""
WHOLE_BYTES, OWN_BYTES = 80, 28
"""Of a region in the ranking's vectors: of those that each process has whole, and of those that are split among them."""
SORTED_BYTES = 120
"""Of a score that is put in order beside its mirror image."""
IMAGES_PER_PART = 512
"""Images whose rows of W are put in order at once, as `objectcrop.proposals.lod.ranking.row_parts` has it."""


def num_indexed(index: str) -> int:
    """Return the images of a data set, from the JSON that indexing wrote beside the manifest."""
    return int(json.loads(Path(index).read_text(encoding="utf-8"))["num_readable"])


def ranking_mb(num_images: int, lod: LodProposals) -> int:
    """Return the megabytes of all processes of a ranking: its vectors, or the scores put in order before, whichever take more.

    As if every image had `max_regions` regions and no two images were each other's neighbours.
    """
    processes, images = lod.ranking_processes, max(-(-num_images // lod.score_shards), IMAGES_PER_PART)
    vectors = (WHOLE_BYTES * processes + OWN_BYTES) * num_images * lod.max_regions
    scores = min(images, num_images) * lod.num_neighbours * lod.max_scores_per_pair
    return processes * RANKING_FIXED_MB + -(-max(vectors, SORTED_BYTES * processes * scores) // 1_000_000)
