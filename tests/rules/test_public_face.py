from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

import runlore


@pytest.mark.parametrize("name", ["runlore", "runlore.api"])
def test_all_is_sorted_and_real(name: str) -> None:
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    assert [found for found in module.__all__ if not hasattr(module, found)] == []


def test_nothing_public_is_missing_from_all() -> None:
    visible = {
        name
        for name, value in vars(runlore).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name != "annotations"
        if getattr(value, "__module__", "").startswith("runlore")
    }
    assert visible - set(runlore.__all__) == set()


def test_every_public_name_is_documented() -> None:
    missing = []
    for name in runlore.__all__:
        value = getattr(runlore, name)
        if (inspect.isclass(value) or inspect.isroutine(value)) and not inspect.getdoc(value):
            missing.append(name)
    assert missing == []


def test_import_brings_no_heavy_packages() -> None:
    heavy = ["numpy", "urllib3", "requests", "httpx", "litestar", "sqlalchemy", "granian", "typer", "rich", "asyncio"]
    code = f"import sys, runlore; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
