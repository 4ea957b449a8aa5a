"""Pages in the system's Chromium: what they load, log and ask for, and what axe-core says of them."""

import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
AXE = Path(os.environ.get("OBJECTCROP_AXE", Path.home() / ".cache/objectcrop/axe/node_modules/axe-core/axe.min.js"))
AXE_VERSION = "4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
FAULTS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .filter((found) => ["serious", "critical"].includes(found.impact))
    .map((found) => `${found.id}: ${found.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`)"""
SCREENS = {"light": (1280, "light"), "dark": (1280, "dark"), "phone": (390, "light"), "dark phone": (390, "dark")}


@contextmanager
def chromium():
    """A browser; skips where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@contextmanager
def opened(browser, file, screen="light", *, script=True):
    """A page from disk; at the end it must have logged nothing and have asked for nothing but itself."""
    width, scheme = SCREENS[screen]
    viewport = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, java_script_enabled=script)
    page, logged, asked = context.new_page(), [], []
    page.on("console", lambda message: logged.append(message.text))
    page.on("pageerror", lambda error: logged.append(str(error)))
    page.on("request", lambda request: request.url.startswith("data:") or asked.append(request.url.partition("#")[0]))
    page.goto(file.resolve().as_uri())
    yield page
    context.close()
    assert logged == [], logged
    assert set(asked) == {file.resolve().as_uri()}, asked


def overflowing(page):
    """The page's width beyond the window's, and what is wider than the window without scrolling by itself."""
    return page.evaluate(
        """() => [document.documentElement.scrollWidth - document.documentElement.clientWidth,
        [...document.body.querySelectorAll("*")].filter((e) => !e.closest(".scroll, dialog, .skip, .unseen")
        && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 90))]"""
    )


def unloaded(page):
    """Images that show nothing, of all and how many there are."""
    return page.evaluate(
        """async () => { const all = [...document.images];
        await Promise.all(all.map((image) => image.decode().catch(() => null)));
        return [all.length, all.filter((image) => !image.naturalWidth).map((image) => image.alt)]; }"""
    )


def broken_links(page):
    """Links that lead out of the page, or to no place in it; and places that are there twice."""
    return page.evaluate(
        """() => { const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
        return [[...document.links].map((a) => a.getAttribute("href"))
            .filter((href) => !href.startsWith("#") || !ids.includes(decodeURIComponent(href.slice(1)))),
            ids.filter((id, place) => ids.indexOf(id) !== place)]; }"""
    )


def axe_faults(page):
    """What axe-core finds that is serious or critical; skips where it is not installed."""
    if not AXE.is_file():
        pytest.skip(f"no axe-core at {AXE}: CONTRIBUTING.md says how to install it")
    source = AXE.read_bytes()
    assert hashlib.sha256(source).hexdigest() == AXE_SHA256, f"{AXE} is not axe-core {AXE_VERSION}"
    page.evaluate(source.decode())
    return page.evaluate(FAULTS)


def check(page, at_least_images):
    """What every page must be on every screen."""
    assert overflowing(page) == [0, []]
    count, empty = unloaded(page)
    assert count >= at_least_images
    assert empty == []
    assert broken_links(page) == [[], []]
