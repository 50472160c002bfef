from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from harness.live_server import RUNLORE, environment
from playwright.sync_api import expect

if TYPE_CHECKING:
    from harness.live_server import Server
    from playwright.sync_api import Page
    from tests.browser.conftest import Watch


def link_of(server: Server) -> str:
    done = subprocess.run(
        [*RUNLORE, "link"], env=environment(server.home), capture_output=True, text=True, timeout=30, check=True
    )
    return next(word for word in done.stdout.split() if "#link=" in word)


def test_a_link_signs_in_once_and_leaves_no_trace(server: Server, stranger: Page, watch: Watch) -> None:
    watch.allowed.append("401")
    link = link_of(server)

    stranger.goto(link)
    expect(stranger.get_by_role("heading", name="Projects").or_(stranger.get_by_text("Your projects"))).to_be_visible()
    assert "link=" not in stranger.url
    assert "link=" not in stranger.evaluate("() => JSON.stringify([history.state, ...Object.entries(localStorage)])")

    stranger.context.clear_cookies()
    stranger.goto("about:blank")
    stranger.goto(link)
    expect(stranger.get_by_role("alert")).to_contain_text("used up")
    expect(stranger.get_by_label("API key")).to_be_visible()
    assert "link=" not in stranger.url


def test_an_api_key_signs_in_and_the_address_is_kept(server: Server, digits: str, stranger: Page, watch: Watch) -> None:
    watch.allowed.append("401")
    stranger.goto(f"{digits}?q=run-3")

    stranger.get_by_label("API key").fill("rl-wrong")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("alert")).to_be_visible()

    stranger.get_by_label("API key").fill(server.api_key)
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("link", name="run-3")).to_be_visible()
    assert stranger.url.endswith(f"{digits}?q=run-3")
    assert server.api_key not in stranger.content()


def test_signing_out_ends_the_session(tab: Page, watch: Watch) -> None:
    watch.allowed.append("401")
    tab.goto("/")
    tab.get_by_role("button", name="Signed in as").click()
    tab.get_by_role("menuitem", name="Sign out").click()
    expect(tab.get_by_label("API key")).to_be_visible()
    tab.reload()
    expect(tab.get_by_label("API key")).to_be_visible()
