"""The page as people see it: on screens of two widths, light and dark, from disk alone."""

import pytest

from tests.report.page.browser import (
    AXE,
    SCREENS,
    axe_faults,
    check,
    chromium,
    opened,
    overflowing,
)
from tests.report.page.small_report import LABELS, write_page
from workflow_scripts import runs

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]  # its fixtures are made once


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The folder of a small study with a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("study"))
        return write_page().resolve().parents[2]


@pytest.fixture(scope="module")
def file(study):
    return study / "results/report/index.html"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.mark.parametrize("screen", SCREENS)
def test_the_page_fits_the_screen_with_every_image_and_link(browser, file, screen):
    with opened(browser, file, screen) as page:
        check(page, 19)


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_no_serious_fault(browser, file, screen):
    with opened(browser, file, screen) as page:
        page.evaluate("document.querySelectorAll('details').forEach((details) => details.open = true)")
        assert axe_faults(page) == []


def test_printed_it_fits_a_sheet_and_is_light(browser, file):
    with opened(browser, file, "dark phone") as page:
        page.set_viewport_size({"width": 680, "height": 900})  # A4 less its margins
        page.emulate_media(media="print")
        assert overflowing(page)[0] == 0
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator("nav").is_visible()


def test_a_phones_first_column_stays_and_the_rest_scrolls(browser, file):
    with opened(browser, file, "phone") as page:
        table = page.locator(".scroll", has=page.locator("caption", has_text="How well the proposals")).first
        label = table.locator("tbody th").first
        before = label.bounding_box()["x"]
        table.evaluate("(element) => element.scrollLeft = 200")
        assert table.evaluate("(element) => element.scrollLeft") == 200
        assert label.bounding_box()["x"] == before


def labels(page):
    return page.locator("#tables ~ .scroll").first.locator("tbody th").all_inner_texts()


def test_a_heading_sorts_by_its_numbers_and_the_third_time_puts_rows_back(browser, file):
    by_value = ["supervised", "objects", "boxes", "scene", "random-init"]
    last = ["Gain of objects", "Only quoted"]  # a small number, and none
    with opened(browser, file) as page:
        own = labels(page)
        heading = page.locator("#tables ~ .scroll").first.get_by_role("columnheader", name="mAP", exact=False).first
        heading.get_by_role("button").click()
        assert heading.get_attribute("aria-sort") == "descending"
        assert labels(page) == [*(LABELS[run] for run in by_value), *last]
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == "ascending"
        assert labels(page) == [last[0], *(LABELS[run] for run in reversed(by_value)), last[1]]
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") is None
        assert labels(page) == own


def test_a_number_opens_how_it_was_made_and_escape_closes_it(browser, file):
    with opened(browser, file) as page:
        dialog = page.locator("dialog")
        assert not dialog.is_visible()
        page.locator("a.how").nth(4).click()
        assert dialog.is_visible()
        text = dialog.inner_text()
        for words in (
            "scene, judged by linear",
            "results/eval/scene/s0/linear.json",
            "task.epochs = 30",
            "evaluate_linear",
        ):
            assert words in text
        page.keyboard.press("Escape")
        assert not dialog.is_visible()


def test_without_its_script_it_can_be_read_and_numbers_lead_to_how_they_were_made(browser, file):
    with opened(browser, file, script=False) as page:
        assert page.locator("thead button").count() == 0
        assert page.locator("h1").inner_text() == "Do crops of objects give better features than crops of whole scenes?"
        link = page.locator("a.how").first
        link.click()
        assert page.url.endswith(link.get_attribute("href"))


def test_the_policy_stops_what_is_not_its_own(browser, file, tmp_path):
    other = tmp_path / "other.html"
    other.write_text(file.read_text().replace("</main>", "<script>document.title = 'changed'</script></main>", 1))
    with pytest.raises(AssertionError, match="Content Security Policy"), opened(browser, other) as page:
        assert page.title() != "changed"


@pytest.mark.parametrize("screen", ["light", "dark phone"])
def test_the_comparison_of_two_studies_is_as_good_a_page(browser, study, tmp_path, screen):
    out = tmp_path / "both.html"
    runs.main(["compare", str(study / "results"), str(study / "results"), "--out", str(out)])
    with opened(browser, out, screen) as page:
        check(page, 2)
        headline = page.locator(".headline").inner_text()
        assert headline.startswith("0 settings, 0 parts of the code and 0 versions differ. 0 of 10 metrics")
        heading = page.locator(".grouped").first.get_by_role("button", name="B", exact=True).first
        heading.click()
        first = page.locator(".grouped tbody tr").first.locator("th, td").all_inner_texts()
        assert first[0] == LABELS["supervised"]
        assert first[1] == first[2]
        if AXE.is_file():
            assert axe_faults(page) == []
