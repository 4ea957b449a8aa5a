"""The page of a whole study as people see it, from disk alone. In the group of tests that share that study."""

import pytest

from tests.report.page.browser import AXE, SCREENS, axe_faults, check, chromium, opened

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("finished")]


@pytest.mark.parametrize("screen", SCREENS)
def test_the_page_of_a_whole_study_is_as_good(finished, screen):
    with chromium() as browser, opened(browser, finished.folder / "results/report/index.html", screen) as page:
        check(page, 20)
        assert page.locator("a.how").count() >= 10
        if AXE.is_file():
            assert axe_faults(page) == []
