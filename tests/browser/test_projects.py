from __future__ import annotations

from typing import TYPE_CHECKING

from harness.live_server import running_server
from playwright.sync_api import expect
from tests.browser.conftest import settle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page


def test_projects_are_listed_and_searched(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit("/")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="digits", exact=True))
    expect(row).to_contain_text("5")

    page.keyboard.press("/")
    page.keyboard.type("nothing like it")
    expect(page.get_by_role("heading", name="No project is called")).to_be_visible()
    page.get_by_role("button", name="Clear the search", exact=True).click()

    page.get_by_role("link", name="digits", exact=True).click()
    expect(page.get_by_role("grid")).to_be_visible()
    assert page.url.endswith(digits)


def test_a_new_server_shows_how_to_begin(tmp_path: Path, context: BrowserContext) -> None:
    with running_server(tmp_path / "home") as empty:
        context.request.post(f"{empty.url}/api/v1/session", data={"api_key": empty.api_key})
        page = context.new_page()
        page.goto(empty.url)
        settle(page)
        expect(page.get_by_role("heading", name="Your projects will be here")).to_be_visible()
        expect(page.get_by_text("runlore.init(")).to_be_visible()


def test_the_palette_goes_to_a_project(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit("/")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("digits")
    expect(page.get_by_role("option").first).to_contain_text("digits")
    page.keyboard.press("Enter")
    expect(page.get_by_role("grid")).to_be_visible()
    assert page.url.endswith(digits)


def test_an_unknown_address_says_so(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}/nonsense/x")
    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
