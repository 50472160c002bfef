from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from tests.browser.conftest import settle

from runlore.protocol import frames, records, wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.live_server import Server
    from playwright.sync_api import Page
    from tests.browser.conftest import Watch

MANY = 450


def names(page: Page) -> list[str]:
    """Names of the runs in view, from the top."""
    cells = page.locator("[role=gridcell] a").evaluate_all(
        "links => links.map(a => [a.closest('[role=row]').getAttribute('aria-rowindex'), a.textContent.trim()])"
    )
    return [name for _, name in sorted((int(row), name) for row, name in cells)]


def has_names(page: Page, expected: list[str]) -> None:
    settle(page)
    page.wait_for_timeout(50)
    settle(page)
    assert names(page) == expected


def post_runs(server: Server, project: str, count: int) -> None:
    """Runs without the SDK's processes: their journals, as the recorder would send them."""

    def post(number: int) -> None:
        writer = f"{number:032x}"
        header = records.Header(
            run_id=f"m{number}",
            project=project,
            writer=writer,
            time_ns=1_750_000_000_000_000_000 + number,
            name=f"many-{number}",
        )
        config = records.Config(set={"number": number, **{f"key_{i}": i for i in range(40)}})
        journal = b"".join([frames.MAGIC, wire.encode(header), wire.encode(config)])
        server.ask(
            "POST",
            f"/journals/{writer}?offset=0",
            body=journal,
            headers={"Content-Type": "application/octet-stream", "X-Runlore-Checksum": f"{zlib.crc32(journal):08x}"},
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(post, range(count)))


def test_runs_are_grouped_when_they_have_a_group(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(digits)
    headings = page.locator("[role=gridcell] .group")
    expect(headings).to_have_count(3)
    assert [text.split() for text in headings.all_inner_texts()] == [
        ["group", "sweep-b"],
        ["group", "sweep-a"],
        ["group", "none"],
    ]
    has_names(page, ["run-4", "run-2", "run-1", "run-0", "run-3"])

    headings.first.click()
    has_names(page, ["run-1", "run-0", "run-3"])
    page.reload()
    page.wait_for_selector("[role=grid]")
    has_names(page, ["run-1", "run-0", "run-3"])

    page.get_by_role("button", name="Do not group").click()
    has_names(page, [f"run-{i}" for i in (4, 3, 2, 1, 0)])


def test_a_click_on_a_heading_sorts(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}?g=off")
    heading = page.get_by_role("columnheader", name="val/acc")
    heading.scroll_into_view_if_needed()
    heading.click()
    has_names(page, [f"run-{i}" for i in (4, 3, 2, 1, 0)])
    expect(heading).to_have_attribute("aria-sort", "descending")
    heading.click()
    has_names(page, [f"run-{i}" for i in range(5)])
    assert "s=summary.val" in page.url


def test_a_search_states_how_many_match(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}?g=off")
    expect(page.get_by_text("5 runs", exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("baseline")
    expect(page.get_by_text("1 of 5 runs")).to_be_visible()
    has_names(page, ["run-0"])

    page.get_by_label("Search runs").fill("no such run")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.get_by_role("button", name="Clear the search", exact=True).click()
    expect(page.get_by_text("5 runs", exact=True)).to_be_visible()


def test_columns_are_picked_by_search_and_kept_in_the_address(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}?g=off")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Search columns").fill("id")
    page.get_by_role("checkbox", name="ID", exact=True).check()
    page.get_by_label("Search columns").fill("optimizer")
    page.get_by_role("checkbox", name="optimizer").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="optimizer")).to_have_count(0)

    page.reload()
    page.wait_for_selector("[role=grid]")
    settle(page)
    page.locator("[role=grid]").evaluate("grid => { grid.scrollLeft = grid.scrollWidth }")
    expect(page.get_by_role("columnheader", name="ID", exact=True)).to_be_visible()
    expect(page.get_by_role("columnheader", name="optimizer")).to_have_count(0)


def test_the_keyboard_goes_through_the_table(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}?g=off")
    page.keyboard.press("j")
    focused = page.locator(":focus")
    expect(focused).to_have_attribute("data-cell", "0:0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    expect(focused).to_have_attribute("aria-colindex", page.locator("[role=grid]").get_attribute("aria-colcount") or "")
    page.keyboard.press("Home")
    expect(focused).to_have_attribute("data-cell", "1:0")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/id-3")


def test_a_long_list_keeps_few_rows_alive(server: Server, digits: str, visit: Callable[[str], Page]) -> None:
    post_runs(server, "many", MANY)
    page = visit(digits.replace("digits", "many") + "?p=0")
    expect(page.get_by_text(f"{MANY} runs")).to_be_visible()
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", str(MANY + 1))
    expect(page.get_by_role("link", name=f"many-{MANY - 1}", exact=True)).to_be_visible()
    assert page.locator("[role=row]").count() < 100

    grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight }")
    expect(page.get_by_role("link", name="many-0", exact=True)).to_be_visible()
    assert page.locator("[role=row]").count() < 100


def test_a_chart_for_every_metric_is_shown_over_the_newest_runs(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(digits)
    for metric in ("loss", "train/lr", "val/acc"):
        expect(page.get_by_role("region", name=metric, exact=True)).to_be_visible()
    expect(page.get_by_text("all 5 runs")).to_be_visible()
    expect(page.get_by_role("region", name="epoch", exact=True)).to_have_count(0)

    page.get_by_label("Search metrics").fill("^val")
    expect(page.get_by_role("region", name="loss", exact=True)).to_have_count(0)
    expect(page.get_by_role("region", name="val/acc", exact=True)).to_be_visible()


def test_an_unknown_project_is_no_error_page(digits: str, tab: Page, watch: Watch) -> None:
    watch.allowed.append("404")
    tab.goto(digits.replace("digits", "nothing"))
    expect(tab.get_by_role("heading", name="There is no project")).to_be_visible()
