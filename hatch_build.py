"""Build hook: sdist and wheel carry the built web app, built when its sources changed.

Node is asked of the build environment only when a build is due, so that installing from an sdist needs none.
``RUNLORE_SKIP_WEB=1`` packages without the web app: the server then answers its API only.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from types import ModuleType


def _build_web(root: str) -> ModuleType:
    """``build_web.py`` by its path: the root is not importable in an isolated build."""
    spec = importlib.util.spec_from_file_location("build_web", Path(root, "build_web.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class WebBuildHook(BuildHookInterface[Any]):
    """Builds the web app where its stamp differs from the sources, and refuses to package without it."""

    def _is_due(self) -> bool:
        web = _build_web(self.root)
        return os.environ.get(web.SKIP) != "1" and not web.is_current()

    def dependencies(self) -> list[str]:
        """Node's wheel, when a build is due."""
        return [_build_web(self.root).NODE_REQUIREMENT] if self._is_due() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Build when due. Raises WebBuildError when the app cannot be built or is not there afterwards."""
        web = _build_web(self.root)
        if self._is_due():
            web.build()
        if os.environ.get(web.SKIP) != "1" and not web.is_current():
            raise web.WebBuildError(
                f"cannot package {self.root}: the web app is not built; run `python3 dev.py web`, or set {web.SKIP}=1 to go without"
            )
