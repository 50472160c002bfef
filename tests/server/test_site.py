from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.server.served import serving

from runlore.server import site

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def build(folder: Path) -> Path:
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>app</title>")
    (folder / "assets" / "index-Ab3_dE9x.js").write_text("let x = 1;" * 100)
    (folder / "favicon.svg").write_text("<svg/>")
    (folder.parent / "secret.txt").write_text("top: hidden")
    return folder


def test_the_apps_page_answers_every_path_of_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "FOLDER", build(tmp_path / "web"))
    with serving(tmp_path) as served:
        for path in ("/", "/ann/p/runs/r", "/ann/my%20project", "/index.html"):
            answer = served.client.get(path)
            assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
            assert "<title>app</title>" in answer.text
            assert answer.headers["cache-control"] == "no-cache"
        lasting = served.client.get("/assets/index-Ab3_dE9x.js")
        assert lasting.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert lasting.headers["content-encoding"] == "gzip"
        assert lasting.text == "let x = 1;" * 100
        plain = served.client.get("/assets/index-Ab3_dE9x.js", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == lasting.content
        assert served.client.get("/favicon.svg").headers["content-type"].startswith("image/svg+xml")
        assert served.client.get("/assets/gone-12345678.js").status_code == 404
        assert served.client.get("/api/other").status_code == 404
        assert served.client.get("/api/v1/nothing").json()["error"]["code"] == "not-found"


def test_nothing_outside_the_apps_folder_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build(tmp_path / "web")
    monkeypatch.setattr(site, "FOLDER", folder)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    with serving(tmp_path) as served:
        for path in (
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/assets/..%2f..%2fsecret.txt",
            "/link.txt",
            "/%00",
            "//etc/passwd",
        ):
            answer = served.client.get(path)
            assert "hidden" not in answer.text
            assert "root:" not in answer.text


def test_without_a_build_the_page_says_how_to_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "FOLDER", tmp_path / "none")
    with serving(tmp_path) as served:
        answer = served.client.get("/ann/p")
        assert answer.status_code == 200
        assert "not built" in answer.text


def test_a_rebuilt_file_is_served_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build(tmp_path / "web")
    monkeypatch.setattr(site, "FOLDER", folder)
    with serving(tmp_path) as served:
        served.client.get("/")
        (folder / "index.html").write_text("<title>new</title>")
        os.utime(folder / "index.html", ns=(1, 1))
        assert "new" in served.client.get("/").text
