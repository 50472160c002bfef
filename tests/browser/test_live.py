from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from harness.live_server import environment, running_server
from playwright.sync_api import expect
from tests.browser.conftest import settle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from harness.live_server import Server
    from playwright.sync_api import BrowserContext, Page

SCRIPT = """
import sys, time
import runlore

with runlore.init(project="growing", id="g", name="growing-run", settings={"console": "off"}) as run:
    print("ready", flush=True)
    for step, line in enumerate(sys.stdin):
        run.log({"loss": 1 / (step + 1)})
        print(f"logged {time.time()}", flush=True)
"""


def points(page: Page) -> str:
    return page.locator("[data-metric=loss] header").inner_text()


def wait_for_points(page: Page, count: int) -> None:
    unit = "point" if count == 1 else "points"
    expect(page.locator("[data-metric=loss] header")).to_contain_text(f"{count} {unit}")


def test_a_line_grows_while_a_script_logs(
    server: Server, digits: str, visit: Callable[[str], Page], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env=environment(server.home),
        cwd=server.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert trainer.stdin is not None
    assert trainer.stdout is not None

    def log() -> float:
        assert trainer.stdin is not None
        assert trainer.stdout is not None
        trainer.stdin.write("\n")
        trainer.stdin.flush()
        word, when = trainer.stdout.readline().split()
        assert word == "logged"
        return float(when)

    try:
        assert trainer.stdout.readline() == "ready\n"
        log()
        log()
        server.wait_run("growing", "g", lambda run: run.run.rows == 2, timeout_s=15, what="two rows")
        page = visit(digits.replace("digits", "growing") + "/runs/g")
        wait_for_points(page, 2)
        expect(page.get_by_text("Running").first).to_be_visible()

        delays = []
        for count in range(3, 8):
            logged = log()
            wait_for_points(page, count)
            settle(page)
            delays.append(time.time() - logged)
            page.wait_for_timeout(150)
        with capsys.disabled():
            words = " ".join(f"{delay:.2f}" for delay in delays)
            sys.stdout.write(f"\n  from log() to the drawn line, s: {words}\n")

        trainer.stdin.close()
        assert trainer.wait(60) == 0
        expect(page.get_by_text("Finished").first).to_be_visible()
    finally:
        trainer.kill()
        trainer.wait()
        trainer.stdout.close()
        trainer.stdin.close()


def test_pausing_holds_the_page_still(server: Server, digits: str, visit: Callable[[str], Page]) -> None:
    page = visit(f"{digits}?g=off")
    page.get_by_role("button", name="Live:").click()
    expect(page.get_by_role("button", name="Paused:")).to_be_visible()
    path = f"/runs/{digits.strip('/')}/id-4"
    server.ask("PATCH", path, body=b'{"name": "renamed-4"}')
    page.wait_for_timeout(800)
    expect(page.get_by_role("link", name="run-4", exact=True)).to_be_visible()
    page.get_by_role("button", name="Paused:").click()
    expect(page.get_by_role("link", name="renamed-4")).to_be_visible()
    server.ask("PATCH", path, body=b'{"name": "run-4"}')
    expect(page.get_by_role("link", name="run-4", exact=True)).to_be_visible()


def test_a_lost_server_is_said_and_found_again(tmp_path: Path, context: BrowserContext) -> None:
    with running_server(tmp_path / "home") as own:
        context.request.post(f"{own.url}/api/v1/session", data={"api_key": own.api_key})
        page = context.new_page()
        page.goto(own.url)
        settle(page)
        expect(page.get_by_role("button", name="Live:")).to_be_visible()
        own.kill()
        expect(page.get_by_role("button", name="Reconnecting:")).to_be_visible()
        expect(page.get_by_role("heading", name="Your projects will be here")).to_be_visible()
        own.start()
        expect(page.get_by_role("button", name="Live:")).to_be_visible(timeout=25_000)
