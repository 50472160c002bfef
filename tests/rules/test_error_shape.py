"""One JSON shape for every error answer, and every code documented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.server.served import Journal, serving

from runlore.protocol.messages import ErrorMessage
from runlore.server.refusal import STATUS, Refusal

if TYPE_CHECKING:
    from httpx import Response

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "reference" / "errors.md"


def assert_error(answer: Response) -> ErrorMessage:
    assert answer.status_code >= 400
    assert answer.headers["content-type"] == "application/json"
    found = msgspec.json.decode(answer.content, type=ErrorMessage)
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message", "hint", "field", "offset"}
    assert STATUS[found.error.code] == answer.status_code
    assert found.error.message
    return found


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nothing", "not-found"),
        ("GET", "/runs/a", "not-found"),
        ("GET", "/openapi/openapi.json", "not-found"),
        ("POST", "/me", "wrong-method"),
        ("DELETE", "/runs/~/p/r", "wrong-method"),
        ("GET", "/runs/~/p/none", "not-found"),
        ("GET", "/projects/~/none/runs", "not-found"),
        ("GET", "/projects/~/p/runs?limit=x", "bad-request"),
        ("GET", "/changes?since=1.5", "bad-request"),
        ("POST", "/series", "bad-request"),
        ("POST", "/journals/0123456789abcdef0123456789abcdef", "bad-request"),
        ("POST", "/journals/short?offset=0", "bad-request"),
    ],
)
def test_framework_and_own_errors_have_one_shape(tmp_path: Path, method: str, path: str, code: str) -> None:
    with serving(tmp_path) as served:
        served.send(Journal())
        assert assert_error(served.ask(method, path)).error.code == code


def test_validation_names_the_field(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        for answer, field in (
            (served.ask("GET", "/projects/~/p/runs?limit=5000"), "limit"),
            (served.ask("POST", "/heartbeats", json={"writers": 5}), "writers"),
            (served.ask("POST", "/series", json={"runs": [], "metrics": [], "buckets": "many"}), "buckets"),
        ):
            assert assert_error(answer).error.field == field


def test_a_fault_of_ours_tells_nothing_about_the_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as served:

        def break_down(*_: object) -> None:
            raise KeyError("secret detail")

        monkeypatch.setattr(served.service.meta, "projects", break_down)
        found = assert_error(served.ask("GET", "/projects"))
        assert found.error.code == "server-fault"
        assert "secret" not in found.error.message + found.error.hint


def test_every_code_is_documented_with_its_status() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {code: int(status) for code, status in rows} == STATUS


def test_codes_are_kebab_case_and_known() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in STATUS)
    sources = (ROOT / "src" / "runlore" / "server").rglob("*.py")
    used = {code for path in sources for code in re.findall(r'Refusal\(\s*"([^"]+)"', path.read_text(encoding="utf-8"))}
    assert used == set(STATUS)
    with pytest.raises(KeyError):
        Refusal("no-such-code", "x")
