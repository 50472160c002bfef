"""The Public API client: read what a server holds, and change what people may change of a run."""

from __future__ import annotations

from runlore.api.client import Api
from runlore.api.document import Document
from runlore.api.projects import Project
from runlore.api.runs import Run, Runs

__all__ = ["Api", "Document", "Project", "Run", "Runs"]
