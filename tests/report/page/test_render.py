"""The page stands alone, escapes its input, lets no script but its own run, and says in words what is missing."""

import re
from html.parser import HTMLParser

import pytest

from objectcrop.report.figures.folder import ShownFigure
from objectcrop.report.page.answer import Answer
from objectcrop.report.page.content import Content, Sheet
from objectcrop.report.page.making import Making
from objectcrop.report.page.meaning import meaning
from objectcrop.report.page.render import duration, number, render_page, source_hash
from objectcrop.report.page.views import ViewGroup
from objectcrop.report.subset_comparison import Comparison, Row

PROVENANCE = {"python": "3.11", "commit": None, "versions": {"torch": "2"}}
FIGURE = ShownFigure("rows", "Which <row>?", "A & caption.", 'An "alt".', "<svg/>")


def summary(run, images):
    cost = {"images_seen": images, "seconds": 1.0, "images_per_s": 5.0}
    return {"run": run, "seed": 0, "cost": cost, "history": [], "features": "label-free"}


def content(**changes):
    base = {
        "study": {"name": "small", "title": "A <small> study", "about": "About & more", "seeds": [0]},
        "answer": Answer("Which <question>?", "None.", (), (), None),
        "tables": [],
        "making": Making((), (), ()),
        "meaning": ["One sentence."],
        "provenance": PROVENANCE,
        "runs": {"<run>": "method = moco_v2"},
        "images": ["ohms: 3 images."],
    }
    return Content(**(base | changes))


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.fetched, self.images_without_words, self.inside, self.texts = [], 0, "", {"style": [], "script": []}

    def handle_starttag(self, tag, attrs):
        words = dict(attrs)
        self.inside = tag
        for name in ("src", "href"):
            if words.get(name) and not words[name].startswith(("data:", "#")):
                self.fetched.append(words[name])
        self.images_without_words += tag == "img" and not words.get("alt")
        assert tag not in ("link", "iframe", "object")
        assert not any(name.startswith("on") or name == "style" for name in words)

    def handle_data(self, data):
        if self.inside in self.texts:
            self.texts[self.inside].append(data)

    def handle_endtag(self, tag):
        self.inside = ""


@pytest.fixture
def parsed():
    shown = {
        "sheets": [Sheet("ohms, lod", "Random images", b"png")],
        "views": [ViewGroup("The whole scene", ("oac",), b"png")],
        "training": {"one": [FIGURE]},
    }
    page = render_page(content(**shown))
    links = Links()
    links.feed(page)
    return page, links


def test_nothing_is_fetched_and_every_image_has_words(parsed):
    page, links = parsed
    assert links.fetched == []
    assert links.images_without_words == 0
    assert page.count("data:image/") == 3


def test_the_policy_lets_only_the_pages_own_style_and_script_be_used(parsed):
    page, links = parsed
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1).replace("&#39;", "'")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        (text,) = links.texts[kind]
        assert rules[f"{kind}-src"] == source_hash(text)


def test_the_hash_is_that_of_the_standard():
    # the example of the specification, Content Security Policy Level 3, 8.3
    assert source_hash("doSomething();") == "'sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc='"


def test_what_it_is_given_is_escaped():
    page = render_page(content(training={"one": [FIGURE]}))
    assert "A &lt;small&gt; study" in page
    assert "Which &lt;question&gt;?" in page
    assert "Which &lt;row&gt;?" in page
    assert 'alt="An &#34;alt&#34;."' in page
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


def test_a_subset_stands_beside_the_paper_with_its_figures_and_both_explained():
    row = Row("training images", 34, 212_753, False, "-212,719 (× 0.00016)")
    page = render_page(
        content(
            subsets=[SUBSET],
            comparisons={"ohms": Comparison((row, Row("test images", None, 40_000, True, "–")), ("Because <it> is.",))},
            subset_figures={"ohms": [FIGURE, FIGURE]},
            subset_words={"ohms": ["One sentence.", "Another & more."]},
        )
    )
    assert "<td>34</td><td>212,753</td><td>-212,719 (× 0.00016)</td>" in page
    assert "<td>–</td><td>about 40,000</td><td>–</td>" in page
    assert "<li>Because &lt;it&gt; is.</li>" in page
    assert "One sentence. Another &amp; more." in page
    assert page.count("data:image/svg+xml") == 2


def test_proposals_are_shown_with_intervals_sizes_and_what_they_were_made_from():
    sizes = {name: {"det_rate": value} for name, value in (("small", 0.125), ("medium", 0.25), ("large", None))}
    ends = {"corloc": (0.3, 0.45), "det_rate": (0.1, 0.2), "det_rate_small": (0.1, 0.15), "det_rate_medium": None}
    quality = {"corloc": 0.375, "det_rate": 0.15, "ap50": 0.05, "num_images_measured": 12, "by_object_size": sizes}
    made = {"mean_boxes": 9.5, "mean_area_share": 0.2, "features": "label-free features of run a, seed 0"}
    quality["intervals"] = ends | {"det_rate_large": None}
    cost = {"num_jobs": 7, "seconds": 1234.5, "cpu_seconds": None, "max_memory_mb": 345.6}
    quality["costs"] = {"score_pairs": cost}
    page = render_page(content(proposals={"ohms, lod": made}, qualities={"ohms, lod": quality}))
    for words in (
        "37.5%<small>(30.0 to 45.0)</small>",
        "12.5%<small>(10.0 to 15.0)</small>",
        '<td data-sort="0.25">25.0%</td>',
        '<td data-sort="">–</td>',
        "seed 0",
        '>ohms, lod: score_pairs</th><td>7</td><td data-sort="1234.5">1,234</td><td data-sort="">–</td>',
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
        "Energy is not measured",
        "Nothing was measured",
    ):
        assert words in page


def test_of_many_other_tables_the_first_screen_shows_three_and_folds_the_others():
    answer = Answer("Which?", "None.", ("A sentence.",), tuple(f"Table {n}: one row." for n in range(5)), None)
    shown, _, folded = render_page(content(answer=answer)).partition("<main")[0].partition("<details>")
    assert "Table 2: one row." in shown
    assert "Table 3: one row." not in shown
    assert "2 more tables" in folded
    assert "Table 4: one row." in folded


def test_stale_files_are_named_and_the_first_screen_points_to_them():
    page = render_page(content(stale=["a.json was made with <others>"]))
    assert '<a href="#stale">' in page.partition("<main")[0]
    assert "<li>a.json was made with &lt;others&gt;</li>" in page


def test_a_short_study_says_what_it_cannot_show_with_its_own_numbers():
    sentences = " ".join(meaning([summary("a", 21_000), summary("b", 42_000)], 1, has_random_boxes=False))
    assert "42,000 images" in sentences
    assert "0.099% of it" in sentences
    assert "the order of methods says little about where they end" in sentences
    assert "about 1,013 times as many images seen" in sentences
    assert "one seed" in sentences
    assert "random boxes" in sentences
    full = " ".join(meaning([summary("a", 42_550_600)], 5, has_random_boxes=True))
    assert "says little" not in full


def test_numbers_are_short_and_counts_are_whole():
    assert [number(212_753), number(0.12345), number(None), number(3)] == ["212,753", "0.123", "–", "3"]


def test_times_have_the_unit_that_suits_them():
    assert [duration(s) for s in (0.04, 9.96, 119.6, 120.0, 7300.0)] == ["0.0 s", "10.0 s", "120 s", "2.0 min", "2.0 h"]
