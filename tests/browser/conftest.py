"""Browser tests: a real server, runs that were really logged, Debian's Chromium. One file a screen.

Every tab of a test is watched: a request to another host, an error on the console, or an exception in the page fails
the test that caused it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
from harness.live_server import environment
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.live_server import Server

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WEB: Final = Path(__file__).parents[2] / "web"
ASSETS: Final = Path(__file__).parents[2] / "src" / "runlore" / "_web"

TRAINING: Final = """
import math, sys
import runlore

for number, (group, optimizer, lr) in enumerate([
    ("sweep-a", "adam", 0.01), ("sweep-a", "sgd", 0.1), ("sweep-b", "adam", 0.003), ("", "lion", 0.001), ("sweep-b", "sgd", 0.03),
]):
    with runlore.init(
        project="digits",
        name=f"run-{number}",
        id=f"id-{number}",
        group=group or None,
        tags=["baseline"] if number == 0 else None,
        notes="A first look." if number == 0 else None,
        config={"lr": lr, "optimizer": optimizer, "model": {"width": 32 * (number + 1)}},
    ) as run:
        run.define_metric("epoch", hidden=True)
        run.define_metric("val/*", step_metric="epoch")
        for step in range(120):
            row = {"loss": math.exp(-step / 40) + number / 10, "train/lr": lr, "epoch": step / 10}
            if step % 10 == 0:
                row["val/acc"] = 1 - math.exp(-step / 50) / (number + 1)
            run.log(row)
        print(f"\\x1b[32mgreen line\\x1b[0m of run {number}")
        for line in range(2500 if number == 0 else 3):
            print(f"line {line} of the output")
"""


def train(server: Server, script: str) -> None:
    """Run a script that logs with the public SDK to the server, and wait for it."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(server.home),
        cwd=server.home,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def server(shared_server: Server) -> Server:
    """The server with its web app. Without built assets the test is skipped, in CI it fails."""
    if not (ASSETS / "index.html").is_file():
        pytest.fail("the web app is not built: run `python build_web.py`")
    return shared_server


@pytest.fixture(scope="session")
def digits(server: Server) -> str:
    """A project of five runs, logged by a real script: the path of its page."""
    train(server, TRAINING)
    return f"/{entity_of(server)}/digits"


def entity_of(server: Server) -> str:
    """The default entity of the server's owner."""
    runs = server.runs("digits")
    return runs[0].entity


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for the tests of a file; each test has a context of its own.

    Not for the session: Playwright's event loop runs as long as this lives, and later tests have loops of their own.
    """
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, headless=True, args=list(FLAGS))
        yield running
        running.close()


class Watch:
    """What a page must not do. allowed: beginnings of console errors that a test expects."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.faults: list[str] = []
        self.allowed: list[str] = []

    def follow(self, page: Page) -> None:
        """Watch a page from now on."""
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"exception in the page: {error}"))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"blob", "data"} and parts.netloc != self.host:
            self.faults.append(f"request to another host: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(one in message.text for one in self.allowed):
            self.faults.append(f"{message.type} on the console: {message.text}")


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """A browser context that nobody has signed in to."""
    made = browser.new_context(base_url=server.url, viewport={"width": 1600, "height": 1000}, reduced_motion="reduce")
    made.set_default_timeout(15_000)
    yield made
    made.close()


@pytest.fixture
def watch(server: Server) -> Iterator[Watch]:
    """The watch over the pages of this test."""
    watching = Watch(server.url)
    yield watching
    assert watching.faults == []


@pytest.fixture
def stranger(context: BrowserContext, watch: Watch) -> Page:
    """A tab of somebody who has not signed in."""
    page = context.new_page()
    watch.follow(page)
    return page


@pytest.fixture
def tab(context: BrowserContext, server: Server, watch: Watch) -> Page:
    """A tab of somebody who is signed in."""
    answer = context.request.post("/api/v1/session", data={"api_key": server.api_key})
    assert answer.ok, answer.text()
    page = context.new_page()
    watch.follow(page)
    return page


def settle(page: Page) -> None:
    """Wait until no request is in flight and no drawing is due."""
    page.wait_for_selector("html[data-idle=true]", state="attached")


@pytest.fixture
def visit(tab: Page) -> Callable[[str], Page]:
    """Open a path in the signed-in tab and wait until the page is at rest."""

    def go(path: str) -> Page:
        tab.goto(path)
        tab.wait_for_selector("header.top")
        settle(tab)
        return tab

    return go
