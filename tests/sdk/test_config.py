from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import pickle
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.sdk.reading import only_journal

import runlore
from runlore.sdk.config import Config

if TYPE_CHECKING:
    from pathlib import Path


def test_access_by_item_attribute_and_dotted_path() -> None:
    with runlore.init(project="p", config={"lr": 0.1, "model": {"layers": {"depth": 2}}}) as run:
        config = run.config
        assert config["lr"] == config.lr == config.get("lr") == 0.1
        assert config["model"]["layers"]["depth"] == config.model.layers.depth == config["model.layers.depth"] == 2
        assert "model.layers.depth" in config
        assert "model.layers.width" not in config
        assert config.get("nope", 5) == 5
        with pytest.raises(KeyError):
            config["nope"]
        with pytest.raises(AttributeError, match="nope"):
            config.nope  # noqa: B018
        assert list(config) == list(config.keys()) == ["lr", "model"]
        assert dict(config.items()) == config.as_dict() == {"lr": 0.1, "model": {"layers": {"depth": 2}}}
        assert isinstance(config["model"], dict)


def test_nested_assignment_is_recorded(runs: Path) -> None:
    with runlore.init(project="p", config={"model": {"depth": 2}}) as run:
        run.config.model.width = 8
        run.config["model"]["heads"] = {"n": 4}
        run.config["model.heads.dim"] = 16
        run.config.model.update(drop=0.1)
        run.config.model.setdefault("drop", 0.9)
        del run.config["model"]["depth"]
        run.config.model.pop("nothing", None)
        expected = {"model": {"width": 8, "heads": {"n": 4, "dim": 16}, "drop": 0.1}}
        assert run.config.as_dict() == expected
    assert only_journal(runs).config == expected


def test_nested_values_are_plain_dictionaries_for_others() -> None:
    with runlore.init(project="p", config={"model": {"depth": {"a": 1}}}) as run:
        model = run.config["model"]
        assert json.loads(json.dumps(model)) == {"depth": {"a": 1}}
        assert pickle.loads(pickle.dumps(model)) == copy.deepcopy(model) == copy.copy(model) == {"depth": {"a": 1}}
        assert type(copy.deepcopy(model)) is dict
        assert {**model} == {"depth": {"a": 1}}


def test_update_setdefaults_and_values_of_many_kinds(runs: Path) -> None:
    @dataclasses.dataclass
    class Options:
        seed: int = 3

    with runlore.init(project="p", config=argparse.Namespace(lr=0.1)) as run:
        run.config.update(Options())
        run.config.update({"shape": (1, 2)}, extra=1)
        run.config.setdefaults({"lr": 5, "new": True})
    assert only_journal(runs).config == {"lr": 0.1, "seed": 3, "shape": [1, 2], "extra": 1, "new": True}


def test_an_unknown_object_is_kept_as_text_with_a_visible_note(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    with runlore.init(project="p", config={"thing": object(), "ok": 1}):
        pass
    assert only_journal(runs).config["ok"] == 1
    assert only_journal(runs).config["thing"].startswith("<object object")
    assert "'thing'" in caplog.text
    assert "kept as text" in caplog.text


def test_absl_flags_are_read() -> None:
    class StandInFlags:
        """Has the one method of absl's FlagValues that matters."""

        def flag_values_dict(self) -> dict[str, Any]:
            return {"lr": 0.5}

    with runlore.init(project="p", config=StandInFlags()) as run:
        assert run.config.lr == 0.5


def test_locked_keys_are_refused_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with runlore.init(project="p") as run:
        run.config.update_locked({"lr": 0.1}, user="a sweep")
        run.config.update({"lr": 0.5, "other": 1})
        assert run.config.as_dict() == {"lr": 0.1, "other": 1}
        assert "locked" in caplog.text
        run.config.update({"lr": 0.5}, allow_val_change=True)
        assert run.config.lr == 0.5


def test_include_and_exclude_keys() -> None:
    given = {"a": 1, "b": 2, "c": 3}
    with runlore.init(project="p", config=given, config_exclude_keys=["a"]) as run:
        assert run.config.as_dict() == {"b": 2, "c": 3}
    with runlore.init(project="p", config=given, config_include_keys=["a"]) as run:
        assert run.config.as_dict() == {"a": 1}
    with pytest.raises(runlore.UsageError, match="together"):
        runlore.init(project="p", config=given, config_include_keys=["a"], config_exclude_keys=["b"])


def test_yaml_files_defaults_and_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config-defaults.yaml").write_text("lr:\n  value: 0.1\n  desc: how fast\nseed: 1\nmodel:\n  depth: 2\n")
    (tmp_path / "more.yaml").write_text("seed: 2\nonly: {value: 3}\n")
    (tmp_path / "given.yml").write_text("lr: 0.7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", "--configs", "more.yaml"])
    with runlore.init(project="p", config="given.yml") as run:
        assert run.config.as_dict() == {"lr": 0.7, "seed": 2, "model": {"depth": 2}, "only": 3}
    monkeypatch.setattr(sys, "argv", ["train.py", "--configs=other meaning"])
    monkeypatch.setenv("RUNLORE_CONFIG_PATHS", "given.yml")
    with runlore.init(project="p") as run:
        assert run.config.as_dict() == {"lr": 0.7, "seed": 1, "model": {"depth": 2}}


@pytest.mark.parametrize(("text", "why"), [("[1, 2]", "list"), ("a: [", "no valid YAML"), (None, "No such file")])
def test_a_config_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "c.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(runlore.UsageError, match=why):
        runlore.init(project="p", config=str(path))


def test_config_of_an_unusable_kind_is_refused() -> None:
    with pytest.raises(runlore.UsageError, match="int"):
        runlore.init(project="p", config=5)


def test_a_change_that_is_refused_sends_nothing() -> None:
    sent: list[Any] = []
    config = Config(sent.append, {"a": 1})
    with pytest.raises(runlore.ConfigLocked):
        config.update({"b": 2, "a": 3})
    assert sent == []
    assert config.as_dict() == {"a": 1}


def test_persist_sends_everything_again() -> None:
    sent: list[Any] = []
    config = Config(sent.append, {"a": 1})
    config.persist()
    assert [record.set for record in sent] == [{"a": 1}]
