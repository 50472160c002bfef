from __future__ import annotations

import io
import sys

import pytest

import runlore
from runlore import credentials


def test_a_key_is_kept_for_its_server_and_the_server_becomes_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runlore.login(key="k1", host="http://127.0.0.1:1/")
    assert runlore.login(key="k2", host="http://127.0.0.1:2")
    found = credentials.find()
    assert found is not None
    assert (found.base_url, found.api_key) == ("http://127.0.0.1:2", "k2")
    found = credentials.find("http://127.0.0.1:1")
    assert found is not None
    assert found.api_key == "k1"
    assert runlore.login(), "a key is known already"


def test_without_a_key_and_without_a_terminal_it_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert not runlore.login(host="http://127.0.0.1:1")
    with pytest.raises(runlore.UsageError, match="no API key"):
        runlore.login(host="http://127.0.0.1:1", force=True)


def test_without_a_server_it_says_how_to_name_one() -> None:
    with pytest.raises(runlore.UsageError, match="login\\(host=\\)"):
        runlore.login(key="k")


def test_verification_needs_an_answer() -> None:
    with pytest.raises(runlore.CommError):
        runlore.login(key="k", host="http://127.0.0.1:9", verify=True, timeout=2)
    assert credentials.find() is None
