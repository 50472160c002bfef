from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

import pytest

import runlore
from runlore.sdk import settings
from runlore.sdk.settings import TABLE, Settings, settle

if TYPE_CHECKING:
    from pathlib import Path


def test_first_place_that_names_a_setting_wins(own_data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settle({}).project == "uncategorized"
    (own_data_folder / "settings.toml").write_text('project = "file"\nquiet = true\n')
    assert settle({}).project == "file"
    assert settle({}).quiet is True
    monkeypatch.setenv("WANDB_PROJECT", "wandb")
    assert settle({}).project == "wandb"
    monkeypatch.setenv("RUNLORE_PROJECT", "runlore")
    assert settle({}).project == "runlore"
    assert settle({}, Settings(project="settings")).project == "settings"
    assert settle({}, {"project": "mapping"}).project == "mapping"
    assert settle({"project": "argument"}, Settings(project="settings")).project == "argument"


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("RUNLORE_TAGS", "a,b", "run_tags", ("a", "b")),
        ("WANDB_NAME", "n", "run_name", "n"),
        ("RUNLORE_RUN_ID", "abc", "run_id", "abc"),
        ("RUNLORE_RUN_GROUP", "g", "run_group", "g"),
        ("RUNLORE_JOB_TYPE", "eval", "run_job_type", "eval"),
        ("RUNLORE_MODE", "dryrun", "mode", "offline"),
        ("RUNLORE_RESUME", "true", "resume", "auto"),
        ("RUNLORE_BASE_URL", "https://Lore.example.org/", "base_url", "https://lore.example.org"),
        ("RUNLORE_SILENT", "yes", "silent", True),
        ("RUNLORE_QUIET", "0", "quiet", False),
        ("RUNLORE_CONSOLE", "redirect", "console", "wrap"),
        ("WANDB_X_LABEL", "rank0", "x_label", "rank0"),
        ("WANDB_X_PRIMARY", "false", "x_primary", False),
        ("RUNLORE_STATS_SAMPLING_INTERVAL", "0.1", "stats_sampling_interval", 0.1),
        ("RUNLORE_STATS_GPU_DEVICE_IDS", "0,2", "stats_gpu_device_ids", (0, 2)),
        ("RUNLORE_EXTRA_HTTP_HEADERS", '{"X-A": "b"}', "extra_http_headers", {"X-A": "b"}),
        ("WANDB_DIR", "/somewhere", "root_dir", "/somewhere"),
    ],
)
def test_environment_variables(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, name: str, value: Any
) -> None:
    monkeypatch.setenv(variable, text)
    assert getattr(settle({}), name) == value


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("mode", "sometimes", "'online' or 'offline'"),
        ("resume", "perhaps", "'allow' or 'must'"),
        ("resume", [], "'allow' or 'must'"),
        ("finish_timeout", -1, "seconds from 0"),
        ("finish_timeout", "soon", "seconds from 0"),
        ("finish_timeout", True, "seconds from 0"),
        ("stats_sampling_interval", 0.01, "seconds from 0.1"),
        ("quiet", "perhaps", "true or false"),
        ("base_url", "localhost:80", "as the address of a server"),
        ("base_url", "http://me:pass@host", "password"),
        ("project", "a/b", "'/'"),
        ("run_id", "x" * 65, "64"),
        ("run_id", "a#b", "'#'"),
        ("run_name", 5, "a string"),
        ("stats_gpu_device_ids", "one", "device numbers"),
        ("extra_http_headers", "no json", "map of strings"),
        ("config_paths", 3, "several strings"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, expected: str
) -> None:
    with pytest.raises(runlore.UsageError, match=expected):
        Settings(**{name: value})
    if isinstance(value, str):
        (variable, *_) = next(setting for setting in TABLE if setting.name == name).variables
        monkeypatch.setenv(variable, value)
        with pytest.raises(runlore.UsageError, match=expected):
            settle({})


def test_a_wrong_value_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    with pytest.raises(runlore.UsageError, match="WANDB_MODE"):
        runlore.init(project="p")


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(runlore.UsageError, match="finish_timeout"):
        Settings(finish_timout=3)


def test_settings_of_wandb_that_mean_nothing_here_are_taken(caplog: pytest.LogCaptureFixture) -> None:
    assert Settings(start_method="fork", save_code=True).given() == {}
    assert caplog.text == ""
    assert Settings(x_file_stream_retry_max=3, _service_wait=3).given() == {}
    assert "x_file_stream_retry_max" in caplog.text
    assert Settings(x_disable_stats=True, x_stats_sampling_interval=1, _disable_meta=True).given() == {
        "disable_stats": True,
        "stats_sampling_interval": 1.0,
        "disable_meta": True,
    }


def test_a_broken_settings_file_is_named(own_data_folder: Path) -> None:
    (own_data_folder / "settings.toml").write_text("project = ")
    with pytest.raises(runlore.UsageError, match=r"settings\.toml"):
        settle({})


def test_the_key_of_another_product_is_not_sent_to_a_server_that_nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert settle({}).api_key is None
    monkeypatch.setenv("WANDB_BASE_URL", "http://localhost:1")
    assert settle({}).api_key == "k" * 40


def test_the_key_is_never_shown() -> None:
    assert "secret" not in repr(Settings(api_key="secret", base_url="http://h"))
    with pytest.raises(runlore.UsageError) as caught:
        Settings(api_key=["secret"])
    assert "secret" not in str(caught.value)


def test_table_and_attributes_are_the_same() -> None:
    names = {name for name in get_type_hints(Settings) if not name.startswith("_")}
    assert names == {setting.name for setting in TABLE}
    assert set(Settings().as_dict()) == names
    for setting in TABLE:
        assert setting.meaning.endswith(".")
        default = setting.default
        if default not in (None, ""):
            assert setting.parse(default) == default, setting.name


def test_empty_entity_means_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLORE_ENTITY", "team")
    assert settle({"entity": ""}).entity == "team"
    assert settle({"entity": "me"}).entity == "me"
    assert settings.BY_NAME["entity"].default == ""


def test_an_absurdly_long_name_is_cut_with_a_warning(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    with runlore.init(project="p", name="n" * 70_000, group="g" * 600, job_type="short") as run:
        assert (len(run.name), len(run.group), run.job_type) == (512, 512, "short")
        run.name = "m" * 1000
        assert run.name == "m" * 512
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"a name, group or job type of {size} characters is cut to 512" for size in (70_000, 600, 1000)
    ]
