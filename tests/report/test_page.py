"""The page stands alone, escapes its input, and says in words what is missing."""

from html.parser import HTMLParser

import numpy as np

from objectcrop.boxes import Size, as_boxes
from objectcrop.report.curves import draw_curves
from objectcrop.report.meaning import meaning
from objectcrop.report.page import Content, differences, number, render_page
from objectcrop.report.sheets import OBJECT, TOP_PROPOSAL, SheetImage, proposal_sheet, view_sheet
from objectcrop.report.subset_comparison import Comparison, Row
from objectcrop.views.plan import ViewPlan

PROVENANCE = {"python": "3.11", "commit": None, "versions": {"torch": "2"}}


def summary(run, images, history=()):
    cost = {"images_seen": images, "seconds": 1.0, "images_per_s": 5.0}
    return {"run": run, "seed": 0, "cost": cost, "history": list(history), "features": "label-free"}


def content(**changes):
    base = {
        "study": {"name": "small", "title": "A <small> study", "about": "About & more", "seeds": [0]},
        "runs": {"<run>": "method = moco_v2"},
        "meaning": ["One sentence."],
        "tables": {},
        "curves": {},
        "summaries": [],
        "subsets": [],
        "proposals": {},
        "qualities": {},
        "sheets": {},
        "views": {},
        "images": ["ohms: 3 images."],
        "provenance": PROVENANCE,
    }
    return Content(**(base | changes))


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.fetched, self.images_without_words = [], 0

    def handle_starttag(self, tag, attrs):
        words = dict(attrs)
        for name in ("src", "href"):
            if words.get(name) and not words[name].startswith(("data:", "#")):
                self.fetched.append(words[name])
        self.images_without_words += tag == "img" and not words.get("alt")
        assert tag not in ("script", "link", "iframe")


def test_nothing_is_fetched_and_every_image_has_words():
    page = render_page(content(sheets={"ohms, lod": b"png"}, views={"oac": b"png"}, curves={"one": "<svg/>"}))
    links = Links()
    links.feed(page)
    assert links.fetched == []
    assert links.images_without_words == 0
    assert page.count("data:image/") == 3


def test_what_it_is_given_is_escaped():
    page = render_page(content())
    assert "A &lt;small&gt; study" in page
    assert "&lt;run&gt;" in page
    assert "<run>" not in page


SUBSET = {
    "dataset": "ohms",
    "splits": {
        "train": {
            "num_images": 34,
            "num_classes": 10,
            "boxes_per_image": None,
            "min_images_per_class": 8,
            "max_images_per_class": 19,
        }
    },
    "steps": [{"rule": "a & b", "num_images": 91, "num_classes": 67}],
}


def test_a_subset_stands_beside_the_paper_with_its_figure_and_both_explained():
    row = Row("training images", 34, 212_753, False, "-212,719 (× 0.00016)")
    page = render_page(
        content(
            subsets=[SUBSET],
            comparisons={"ohms": Comparison((row, Row("test images", None, 40_000, True, "–")), ("Because <it> is.",))},
            subset_figures={"ohms": "<svg/>"},
            subset_words={"ohms": ["One sentence.", "Another & more."]},
        )
    )
    assert "<td>34</td><td>212,753</td><td>-212,719 (× 0.00016)</td>" in page
    assert "<td>–</td><td>about 40,000</td><td>–</td>" in page
    assert "<li>Because &lt;it&gt; is.</li>" in page
    assert "<figcaption>One sentence. Another &amp; more.</figcaption>" in page
    assert page.count("data:image/svg+xml") == 1


def test_proposals_are_told_with_intervals_sizes_and_what_they_were_made_from():
    sizes = {name: {"det_rate": value} for name, value in (("small", 0.125), ("medium", 0.25), ("large", None))}
    ends = {"corloc": (0.3, 0.45), "det_rate": (0.1, 0.2), "det_rate_small": (0.1, 0.15), "det_rate_medium": None}
    quality = {"corloc": 0.375, "det_rate": 0.15, "ap50": 0.05, "num_images_measured": 12, "by_object_size": sizes}
    made = {"mean_boxes": 9.5, "mean_area_share": 0.2, "features": "label-free features of run a, seed 0"}
    quality["intervals"] = ends | {"det_rate_large": None}
    cost = {"num_jobs": 7, "seconds": 1234.5, "cpu_seconds": None, "max_memory_mb": 345.6}
    quality["costs"] = {"score_pairs": cost}
    page = render_page(content(proposals={"ohms, lod": made}, qualities={"ohms, lod": quality}))
    for words in (
        "37.5% (30.0 to 45.0)",
        "12.5% (10.0 to 15.0)",
        "<td>25.0%</td>",
        "<td>–</td>",
        "seed 0",
        "<td>score_pairs</td><td>7</td><td>1,234</td><td>–</td><td>346</td>",
    ):
        assert words in page


def test_missing_parts_are_said_in_words():
    page = render_page(content(images=[]))
    for words in (
        "no tables",
        "No run of a table was trained",
        "no OHMS subset",
        "No proposals were measured",
        "indexes no image files",
    ):
        assert words in page


def test_a_short_study_says_what_it_cannot_show_with_its_own_numbers():
    sentences = " ".join(meaning([summary("a", 21_000), summary("b", 42_000)], 1, has_random_boxes=False))
    assert "42,000 images" in sentences
    assert "0.099% of it" in sentences
    assert "cannot show which way of cropping is better" in sentences
    assert "about 1,013 times as many images seen" in sentences
    assert "one seed" in sentences
    assert "random boxes" in sentences
    full = " ".join(meaning([summary("a", 42_550_600)], 5, has_random_boxes=True))
    assert "cannot" not in full


def test_runs_are_told_apart_by_what_they_set_otherwise():
    first = {"method": "moco_v2", "dataset": "ohms", "views": {"size_px": 64, "swap": True}}
    second = {"method": "moco_v2", "dataset": "ohms", "views": {"size_px": 96, "swap": True}}
    assert differences({"a": first, "b": second})["b"] == "views.size_px = 96"


def test_numbers_are_short_and_counts_are_whole():
    assert [number(212_753), number(0.12345), number(None), number(3)] == ["212,753", "0.123", "–", "3"]


def test_curves_have_a_panel_for_each_loss_that_some_run_has_and_the_same_bytes_twice():
    rows = [{"images_seen": n, "loss": 2.0 / n, "loss_contrastive": 1.0 / n, "loss_rotation": 1.0} for n in (1, 2)]
    supervised = [{"images_seen": n, "loss": 1.0 / n} for n in (1, 2)]
    summaries = [summary("oac", 2, rows), summary("supervised", 2, supervised), summary("random", 0)]
    drawn = draw_curves(summaries)
    assert drawn == draw_curves(summaries)
    for words in ("contrastive loss", "rotation loss", "supervised loss", "oac s0"):
        assert words in drawn
    assert "localization loss" not in drawn
    assert "nothing was trained" in draw_curves([summary("random", 0)])


def test_boxes_are_drawn_where_they_are():
    image = np.zeros((30, 40, 3), dtype=np.uint8)
    sheet_image = SheetImage(image, as_boxes([[4, 4, 20, 16]]), as_boxes([[22, 6, 36, 26]]))
    sheet = proposal_sheet([sheet_image, sheet_image, sheet_image], columns=2, cell=Size(40, 30))
    assert sheet.shape == (66, 86, 3)
    assert tuple(sheet[4, 10]) == TOP_PROPOSAL
    assert tuple(sheet[6, 30]) == OBJECT
    assert tuple(sheet[10, 10]) == (0, 0, 0)


def test_a_view_sheet_shows_the_image_and_both_views():
    image = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    plan = ViewPlan("scene", (0, 0, 40, 30), (5, 5, 25, 25))
    sheet = view_sheet([(image, (plan, plan))] * 2, cell=Size(40, 30), view_px=20)
    assert sheet.shape == (66, 40 + 2 * (6 + 30), 3)


def test_monitors_are_drawn_with_chance_and_with_what_to_look_out_for():
    rows = [{"images_seen": n, "loss": 1.0, "loss_contrastive": 1.0} for n in (1, 2)]
    transforms = [
        {
            "images_seen": n,
            "feature_std_share": 0.5,
            "effective_rank": 9,
            "accuracy_knn": 0.5,
            "accuracy_knn_chance": 0.25,
        }
        for n in (1, 2)
    ]
    drawn = draw_curves([summary("a", 2, rows) | {"monitored": transforms}])
    for words in (
        "contrastive loss",
        "rises at first",
        "effective rank",
        "one direction is left",
        "kNN vote",
        "at chance",
    ):
        assert words in drawn
    without = [{name: value for name, value in row.items() if "knn" not in name} for row in transforms]
    assert "kNN vote" not in draw_curves([summary("a", 2, rows) | {"monitored": without}])
