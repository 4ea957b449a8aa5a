"""How much memory the jobs of LOD ask for, by what the study knows: pictures, neighbours, boxes.

Each line stands above what `python benchmarks/lod_memory.py` measures, by a fifth or more; a test holds the two together.
Features are read and written picture by picture, so that their size does not count.
"""

from typing import NamedTuple


class MemoryLine(NamedTuple):
    """Memory of a rule's jobs."""

    fixed_mb: int
    """Of a job without pictures."""
    bytes_per_picture: int
    """Of the data set, whatever its split."""
    bytes_per_item: int
    """Of each picture's neighbours (find_neighbours) or boxes (the others), as many as the settings allow."""

    def at(self, num_pictures: int, num_items: int) -> int:
        """Megabytes."""
        return self.fixed_mb + -(
            -num_pictures * (self.bytes_per_picture + self.bytes_per_item * num_items) // 1_000_000
        )


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
"""By rule."""
