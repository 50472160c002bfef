from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import WEB, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = {
    "projects": "/",
    "runs": "{digits}",
    "charts": "{digits}/runs/id-0",
    "overview": "{digits}/runs/id-0/overview",
    "logs": "{digits}/runs/id-0/logs",
    "system": "{digits}/runs/id-0/system",
}


def faults_of(page: Page) -> list[str]:
    """Serious and critical faults that axe-core finds. The policy of the page allows no script but its own, so axe is evaluated."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']} ({fault['impact']}): {node['html'][:160]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def set_theme(page: Page, theme: str) -> None:
    page.add_init_script(f"localStorage.setItem('runlore.theme', '{theme}')")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_is_accessible(screen: str, theme: str, digits: str, tab: Page, visit: Callable[[str], Page]) -> None:
    if not AXE.is_file():
        reason = "no axe-core: run `npm ci` in web/"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    set_theme(tab, theme)
    page = visit(SCREENS[screen].format(digits=digits))
    assert page.get_attribute("html", "data-theme") == theme
    page.wait_for_timeout(400)  # what fades in has faded in
    assert faults_of(page) == []


def test_the_theme_follows_the_system_until_it_is_chosen(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(digits)
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitemradio", name="Light").click()
    expect(root).to_have_attribute("data-theme", "light")
    page.reload()
    settle(page)
    expect(root).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_sticks_out_on_a_phone(screen: str, digits: str, tab: Page, visit: Callable[[str], Page]) -> None:
    tab.set_viewport_size({"width": 390, "height": 844})
    page = visit(SCREENS[screen].format(digits=digits))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    expect(page.get_by_role("banner")).to_be_visible()
    box = page.get_by_role("banner").bounding_box()
    assert box is not None
    assert box["width"] <= 390


def test_a_phone_shows_more_of_the_table_than_of_the_charts(
    digits: str, tab: Page, visit: Callable[[str], Page]
) -> None:
    tab.set_viewport_size({"width": 390, "height": 932})
    page = visit(digits)
    charts = page.get_by_role("region", name="Charts", exact=True).bounding_box()
    table = page.get_by_role("region", name="Runs", exact=True).bounding_box()
    assert charts is not None
    assert table is not None
    assert charts["height"] < 320 < table["height"]
    state = page.get_by_role("columnheader", name="State").bounding_box()
    name = page.get_by_role("columnheader", name="Name").bounding_box()
    assert state is not None
    assert name is not None
    assert state["x"] >= name["x"] + name["width"] - 1  # not scrolled under the name


def test_the_first_load_is_small(digits: str, tab: Page, visit: Callable[[str], Page]) -> None:
    sizes = {"script": 0, "stylesheet": 0}

    def count(response: Any) -> None:
        kind = response.request.resource_type
        if kind in sizes:
            sizes[kind] += response.request.sizes()["responseBodySize"]

    tab.on("requestfinished", lambda request: count(request.response()))
    visit(digits)
    assert 0 < sizes["script"] <= 80_000
    assert 0 < sizes["stylesheet"] <= 15_000


def test_the_keyboard_map_lists_what_works(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(digits)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog.get_by_text("Search runs")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
