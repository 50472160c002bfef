from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from tests.browser.conftest import settle

from runlore.protocol import frames, records, wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.live_server import Server
    from playwright.sync_api import Locator, Page, Request
    from tests.browser.conftest import Watch


def panel(page: Page, metric: str) -> Locator:
    return page.locator(f"[data-metric='{metric}']")


def drag(page: Page, chart: Locator, start: float, end: float) -> None:
    """Drag over a chart from one part of its width to another."""
    canvas = chart.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y)
    page.mouse.move(box["x"] + box["width"] * end, y)
    page.mouse.up()


def series_requests(page: Page) -> list[dict[str, object]]:
    """A list that fills with the bodies of the series requests from now on."""
    seen: list[dict[str, object]] = []

    def hear(request: Request) -> None:
        if request.url.endswith("/series"):
            seen.append(json.loads(request.post_data or "{}"))

    page.on("request", hear)
    return seen


def test_metrics_stand_in_sections_with_their_own_x_axis(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}/runs/id-0")
    expect(page.get_by_role("heading", level=1)).to_have_text("run-0")
    expect(panel(page, "loss")).to_contain_text("step")
    expect(panel(page, "val/acc")).to_contain_text("epoch")
    expect(panel(page, "epoch")).to_have_count(0)
    page.get_by_role("button", name="Show 1 hidden").click()
    expect(panel(page, "epoch")).to_be_visible()


def test_the_x_axis_is_chosen_for_all_charts(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}/runs/id-0")
    asked = series_requests(page)
    page.get_by_role("button", name="x as defined").click()
    page.get_by_role("menuitemradio", name="Relative time").click()
    expect(panel(page, "loss")).to_contain_text("relative time")
    expect(panel(page, "val/acc")).to_contain_text("relative time")
    settle(page)
    assert {request["x"] for request in asked} == {"_runtime"}
    assert "x=_runtime" in page.url


def test_a_drag_zooms_one_chart_and_asks_for_its_range(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}/runs/id-0")
    asked = series_requests(page)
    drag(page, panel(page, "loss"), 0.25, 0.75)
    expect(panel(page, "loss").get_by_role("button", name="Reset zoom")).to_be_visible()
    page.wait_for_url("**z=loss*")
    settle(page)
    assert asked, "the finer range was not asked for"
    assert {tuple(request["metrics"]) for request in asked} == {("loss",)}  # type: ignore[arg-type]
    low, high = float(str(asked[-1]["x_min"])), float(str(asked[-1]["x_max"]))
    assert 15 < low < 45 < 75 < high < 105

    page.reload()
    page.wait_for_selector(".panel")
    settle(page)
    expect(panel(page, "loss").get_by_role("button", name="Reset zoom")).to_be_visible()
    expect(panel(page, "val/acc").get_by_role("button", name="Reset zoom")).to_have_count(0)
    panel(page, "loss").get_by_role("button", name="Reset zoom").click()
    expect(panel(page, "loss").get_by_role("button", name="Reset zoom")).to_have_count(0)
    assert "z=" not in page.url


def test_smoothing_asks_the_server_for_nothing(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}/runs/id-0")
    asked = series_requests(page)
    page.get_by_label("Smooth").fill("0.6")
    page.wait_for_url("**m=0.6*")
    settle(page)
    assert asked == []


def test_the_address_brings_the_whole_view_back(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}/runs/id-1?x=_timestamp&m=0.5&l=1&f=loss&h=1")
    expect(panel(page, "loss")).to_contain_text("wall time")
    expect(panel(page, "val/acc")).to_have_count(0)
    expect(page.get_by_label("Smooth")).to_have_value("0.5")
    expect(page.get_by_role("button", name="log y")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Search metrics")).to_have_value("loss")


def test_overview_tells_config_and_summary(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}/runs/id-0")
    page.get_by_role("link", name="Overview").click()
    config = page.get_by_role("region", name="Config")
    expect(config).to_contain_text("optimizer")
    config.get_by_label("Search config").fill("width")
    expect(config.get_by_text("width")).to_be_visible()
    expect(config.get_by_text("optimizer")).to_have_count(0)
    config.get_by_role("button", name="JSON", exact=True).click()
    expect(config.locator("pre")).to_contain_text('"width": 32')
    expect(page.get_by_role("region", name="Summary")).to_contain_text("val/acc")
    expect(page.get_by_text("A first look.").first).to_be_visible()


def post_windows(server: Server) -> None:
    """A run whose machine was measured, without waiting for it: three windows, in the second of which the CPU had a spike."""
    start_ns = 1_750_000_000_000_000_000
    header = records.Header(
        run_id="measured", project="digits-machine", writer="a" * 32, time_ns=start_ns, role="recorder"
    )
    windows = [
        records.System(
            start_ns=start_ns + i * 15_000_000_000,
            end_ns=start_ns + (i + 1) * 15_000_000_000,
            samples=7,
            values={"cpu": [10, 8, high], "fan.rpm": [900, 900, 900]},
        )
        for i, high in enumerate([12, 97, 12])
    ]
    journal = b"".join([frames.MAGIC, *(wire.encode(record) for record in [header, *windows])])
    server.ask(
        "POST",
        f"/journals/{header.writer}?offset=0",
        body=journal,
        headers={"Content-Type": "application/octet-stream", "X-Runlore-Checksum": f"{zlib.crc32(journal):08x}"},
    )


def test_a_measured_spike_is_seen_and_told(server: Server, digits: str, visit: Callable[[str], Page]) -> None:
    post_windows(server)
    page = visit(digits.replace("digits", "digits-machine") + "/runs/measured/system")
    cpu = page.get_by_role("region", name="Process CPU, all cores, %", exact=True)
    expect(cpu.get_by_text("3 windows, min\u2013max shaded")).to_be_visible()
    expect(cpu.get_by_role("heading")).to_have_attribute("title", "cpu")
    expect(page.get_by_role("region", name="fan.rpm", exact=True)).to_be_visible()
    expect(page.get_by_role("region")).to_have_count(
        4
    )  # two charts, each in its section: bounds have no chart of their own
    plot = cpu.locator(".plot")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".tip")).to_contain_text("8 \u2013 97")

    for search in ("all cores", "^cpu$"):
        page.get_by_label("Search measurements").fill(search)
        expect(cpu).to_be_visible()
        expect(page.get_by_role("region", name="fan.rpm", exact=True)).to_have_count(0)


def test_logs_show_search_and_save_every_line(digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}/runs/id-0/logs")
    output = page.get_by_role("region", name="Output")
    expect(page.get_by_text("2,501 lines")).to_be_visible()
    green = output.get_by_text("green line", exact=True)
    expect(green).to_have_attribute("style", "color: var(--ansi-green);")
    assert page.locator(".line").count() < 200

    page.keyboard.press("/")
    page.keyboard.type("LINE 1999 of")
    expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(output.get_by_text("line 1999 of", exact=True)).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a text file").click()
    lines = download.value.path().read_text().splitlines()
    assert lines == ["green line of run 0", *(f"line {i} of the output" for i in range(2500))]


def test_an_unknown_run_leads_back_to_the_project(digits: str, tab: Page, watch: Watch) -> None:
    watch.allowed.append("404")
    tab.goto(f"{digits}/runs/nothing")
    expect(tab.get_by_role("heading", name="There is no run")).to_be_visible()
    tab.get_by_role("link", name="All runs of digits").click()
    expect(tab.get_by_role("grid")).to_be_visible()
