"""One table of all settings: name, environment variables, type, default, meaning; and how a value is settled.

A setting comes from, first wins: an argument of ``init``, ``settings=``, ``RUNLORE_<NAME>``, ``WANDB_<NAME>``, the file
``settings.toml`` in the data folder, the default.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runlore import folders
from runlore.errors import UsageError
from runlore.protocol import ids
from runlore.sdk import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MODES: Final = ("online", "offline", "disabled", "shared")
RESUMES: Final = ("allow", "must", "never", "auto")
REINITS: Final = ("default", "return_previous", "finish_previous", "create_new")
CONSOLES: Final = ("auto", "off", "wrap")
RECORDERS: Final = ("auto", "off")
SETTINGS_FILE: Final = "settings.toml"
"""In the data folder."""

MAX_TITLE: Final = 512
"""Longest name, group and job type of a run, in characters."""

_TRUE, _FALSE = {"1", "true", "yes", "on", "y", "t"}, {"0", "false", "no", "off", "n", "f", ""}


class Wrong(Exception):
    """The value is wrong; the message says what was expected."""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "__fspath__"):
        return str(value)
    raise Wrong("a string")


def _title(value: Any) -> str:
    """A name for people, cut where it is absurdly long."""
    text = _text(value)
    if len(text) <= MAX_TITLE:
        return text
    guard.warn_once(
        f"value title {text[:MAX_TITLE]}",
        "a name, group or job type of %d characters is cut to %d: %s…",
        len(text),
        MAX_TITLE,
        text[:32],
    )
    return text[:MAX_TITLE]


def _identifier(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
        return value.strip().lower() in _TRUE
    raise Wrong("true or false")


def _number(low: float, high: float, unit: str) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if isinstance(value, bool) or not low <= number <= high:
            raise Wrong(f"{unit} from {low:g} to {high:g}")
        return number

    return parse


def _choice(*names: str, aliases: Mapping[Any, str] | None = None) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        key = value.strip().lower() if isinstance(value, str) else value
        try:
            found = (aliases or {}).get(key, key)
        except TypeError:
            found = None
        if found not in names:
            raise Wrong(" or ".join(map(repr, names)))
        return str(found)

    return parse


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    try:
        return tuple(_text(word) for word in value)
    except TypeError:
        raise Wrong("a string or several strings") from None


def _tags(value: Any) -> tuple[str, ...]:
    return tuple(ids.check_tag(tag) for tag in dict.fromkeys([value] if isinstance(value, str) else _words(value)))


def _device_numbers(value: Any) -> tuple[int, ...]:
    try:
        return tuple(int(item) for item in (value.split(",") if isinstance(value, str) else value) if item != "")
    except (TypeError, ValueError):
        raise Wrong("device numbers, such as 0,1") from None


def _headers(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        import json  # noqa: PLC0415 - rarely needed

        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, dict) or not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise Wrong("a map of strings (as JSON in the environment)")
    return dict(value)


def _url(value: Any) -> str:
    from runlore import credentials  # noqa: PLC0415 - only where a server is named

    return credentials.check_address(_text(value))


class Setting(NamedTuple):
    """A row of the table. env: names after ``RUNLORE_`` and ``WANDB_``. aliases: other accepted names of the setting."""

    name: str
    parse: Callable[[Any], Any]
    default: Any
    meaning: str
    env: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """Environment variables, the first that is set wins."""
        names = self.env or (self.name.upper(),)
        return tuple(prefix + name for prefix in ("RUNLORE_", "WANDB_") for name in names)


_seconds = _number(0, 1e9, "seconds")

TABLE: Final[tuple[Setting, ...]] = (
    # identity
    Setting("entity", _text, "", "Who the run belongs to; empty: the default entity of the key.", ("ENTITY",)),
    Setting(
        "project", lambda value: ids.check_project(_text(value)), "uncategorized", "Project of the run.", ("PROJECT",)
    ),
    Setting(
        "run_id",
        lambda value: ids.check_run_id(_identifier(value)),
        None,
        "Id of the run; made up when absent.",
        ("RUN_ID",),
    ),
    Setting("run_name", _title, "", "Name of the run; made up when absent.", ("NAME", "RUN_NAME")),
    Setting("run_notes", _text, "", "Notes of the run, may have several lines.", ("NOTES", "RUN_NOTES")),
    Setting("run_tags", _tags, (), "Tags, 1 to 64 characters each.", ("TAGS", "RUN_TAGS")),
    Setting("run_group", _title, "", "Group of the run.", ("RUN_GROUP",)),
    Setting("run_job_type", _title, "", "Job type of the run.", ("JOB_TYPE", "RUN_JOB_TYPE")),
    # lifecycle
    Setting(
        "mode",
        _choice(*MODES, aliases={"run": "online", "dryrun": "offline"}),
        "online",
        "online; offline: nothing is uploaded until `runlore sync`; disabled: nothing is recorded; shared: several writers, one run.",
    ),
    Setting(
        "resume",
        _choice(*RESUMES, aliases={True: "auto", "true": "auto", "1": "auto"}),
        None,
        "must, allow, never or auto; see the guide on resuming.",
    ),
    Setting(
        "reinit",
        _choice(
            *REINITS,
            aliases={
                True: "finish_previous",
                False: "return_previous",
                "true": "finish_previous",
                "false": "return_previous",
            },
        ),
        "default",
        "What `init` does while a run is active: return_previous, finish_previous or create_new; default: return it, in notebooks finish it.",
    ),
    Setting("allow_val_change", _flag, False, "Config keys that are set may change."),
    Setting(
        "init_timeout", _seconds, 90.0, "Seconds that `init` waits for the server's answer about a run to be resumed."
    ),
    Setting(
        "finish_timeout",
        _seconds,
        30.0,
        "Seconds without progress after which `finish` stops waiting for the upload; 0 waits for ever.",
    ),
    Setting(
        "handle_signals",
        _flag,
        True,
        "Record SIGTERM and SIGHUP as the end of the run, where the program does not handle them itself.",
    ),
    # server
    Setting(
        "base_url",
        _url,
        None,
        "Address of the server; absent: this user's local server, whenever one runs.",
        ("BASE_URL",),
        ("host_url",),
    ),
    Setting("api_key", _text, None, "API key of the server.", ("API_KEY",)),
    Setting("insecure_disable_ssl", _flag, False, "Do not verify the server's certificate."),
    Setting(
        "extra_http_headers",
        _headers,
        {},
        "Headers added to every request to the server.",
        ("EXTRA_HTTP_HEADERS", "X_EXTRA_HTTP_HEADERS"),
        ("x_extra_http_headers",),
    ),
    # folders and files
    Setting(
        "root_dir",
        _text,
        "",
        "Folder under which `runs/` is made; empty: the data folder (`RUNLORE_DIR`).",
        ("ROOT_DIR",),
        ("dir",),
    ),
    Setting("config_paths", _words, (), "YAML files with configuration, comma separated.", ("CONFIG_PATHS",)),
    # terminal
    Setting("quiet", _flag, False, "Only the run's link and warnings are shown."),
    Setting("silent", _flag, False, "Nothing is shown, warnings included."),
    Setting(
        "console",
        _choice(*CONSOLES, aliases={"redirect": "wrap", "wrap_raw": "wrap", "wrap_emu": "wrap"}),
        "auto",
        "Record what the program prints: auto and wrap do, off does not.",
    ),
    # several writers
    Setting(
        "x_label", _text, "", "Label of this writer in a run of several writers.", ("LABEL", "X_LABEL"), ("label",)
    ),
    Setting(
        "x_primary",
        _flag,
        True,
        "This writer's exit ends the run.",
        ("PRIMARY", "X_PRIMARY"),
        ("x_primary_node", "primary"),
    ),
    Setting(
        "x_update_finish_state",
        _flag,
        True,
        "This writer's exit may set the run's final state.",
        ("UPDATE_FINISH_STATE", "X_UPDATE_FINISH_STATE"),
        ("update_finish_state",),
    ),
    # values
    Setting(
        "defer_tensors",
        _flag,
        False,
        "Read tensors on an accelerator in a thread of our own, so that `log` never waits for the device.",
    ),
    # machine and privacy
    Setting(
        "stats_sampling_interval",
        _number(0.1, 3600, "seconds"),
        2.0,
        "Seconds between two readings of machine metrics.",
        ("STATS_SAMPLING_INTERVAL", "X_STATS_SAMPLING_INTERVAL"),
        ("x_stats_sampling_interval",),
    ),
    Setting(
        "stats_window",
        _number(0.1, 86400, "seconds"),
        15.0,
        "Seconds over which machine metrics are reduced to mean, minimum and maximum.",
        ("STATS_WINDOW",),
    ),
    Setting(
        "stats_disk_paths",
        _words,
        ("/",),
        "Paths whose disks are measured.",
        ("STATS_DISK_PATHS", "X_STATS_DISK_PATHS"),
        ("x_stats_disk_paths",),
    ),
    Setting(
        "stats_gpu_device_ids",
        _device_numbers,
        None,
        "Accelerators that are measured; absent: all.",
        ("STATS_GPU_DEVICE_IDS", "X_STATS_GPU_DEVICE_IDS"),
        ("x_stats_gpu_device_ids",),
    ),
    Setting(
        "disable_stats",
        _flag,
        False,
        "No machine metrics.",
        ("DISABLE_STATS", "X_DISABLE_STATS"),
        ("x_disable_stats", "_disable_stats"),
    ),
    Setting(
        "disable_meta",
        _flag,
        False,
        "No facts about the process and the machine.",
        ("DISABLE_META", "X_DISABLE_META"),
        ("x_disable_meta", "_disable_meta"),
    ),
    Setting(
        "disable_machine_info",
        _flag,
        False,
        "No facts about the machine, and no machine metrics.",
        ("DISABLE_MACHINE_INFO", "X_DISABLE_MACHINE_INFO"),
        ("x_disable_machine_info", "_disable_machine_info"),
    ),
    Setting("host", _text, "", "Name of the machine as recorded; empty: its own."),
    Setting("program", _text, "", "Name of the script as recorded; empty: its own."),
    # embedding
    Setting(
        "recorder",
        _choice(*RECORDERS),
        "auto",
        "off: no recorder process is started and no server is asked; for tests and embedded use.",
    ),
)
"""Every setting, in the order of the documentation."""

BY_NAME: Final = {setting.name: setting for setting in TABLE}
_NAMES: Final = {name: setting for setting in TABLE for name in (setting.name, *setting.aliases)}
_WITHOUT_EFFECT: Final = frozenset(
    [
        "anonymous",
        "disable_code",
        "disable_git",
        "disable_job_creation",
        "force",
        "heartbeat_seconds",
        "ignore_globs",
        "login_timeout",
        "relogin",
        "save_code",
        "show_colors",
        "show_emoji",
        "show_errors",
        "show_info",
        "show_warnings",
        "start_method",
        "stop_on_fatal_error",
        "strict",
        "summary_timeout",
        "summary_warnings",
        "symlink",
        "sync_tensorboard",
        "monitor_gym",
        "git_commit",
        "git_remote",
        "git_remote_url",
        "git_root",
        "docker",
        "email",
        "username",
        "notebook_name",
        "label_disable",
    ]
)
"""Settings of W&B that scripts give and that change nothing here."""


class Settings:
    """Settings to hand to ``init(settings=)``, or the settled ones as ``run.settings``.

    Takes the names of the table by keyword; an unknown name raises UsageError, as does a wrong value. A name of W&B's
    private settings (``x_…``, ``_…``) that means nothing here is ignored with a warning.
    """

    entity: str
    project: str
    run_id: str | None
    run_name: str
    run_notes: str
    run_tags: tuple[str, ...]
    run_group: str
    run_job_type: str
    mode: str
    resume: str | None
    reinit: str
    allow_val_change: bool
    init_timeout: float
    finish_timeout: float
    handle_signals: bool
    base_url: str | None
    api_key: str | None
    insecure_disable_ssl: bool
    extra_http_headers: dict[str, str]
    root_dir: str
    config_paths: tuple[str, ...]
    quiet: bool
    silent: bool
    console: str
    x_label: str
    x_primary: bool
    x_update_finish_state: bool
    defer_tensors: bool
    stats_sampling_interval: float
    stats_window: float
    stats_disk_paths: tuple[str, ...]
    stats_gpu_device_ids: tuple[int, ...] | None
    disable_stats: bool
    disable_meta: bool
    disable_machine_info: bool
    host: str
    program: str
    recorder: str

    def __init__(self, **given: Any) -> None:
        self._given: dict[str, Any] = {}
        for name, value in given.items():
            self._set(name, value, "settings")

    def __getattr__(self, name: str) -> Any:
        setting = _NAMES.get(name)
        if setting is None or name.startswith("__"):
            raise AttributeError(f"there is no setting {name!r}")
        given: dict[str, Any] = self.__dict__["_given"]
        return given.get(setting.name, setting.default)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_given":
            object.__setattr__(self, name, value)
        else:
            self._set(name, value, "settings")

    def __repr__(self) -> str:
        shown = {name: "…" if name == "api_key" else value for name, value in self._given.items()}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def as_dict(self) -> dict[str, Any]:
        """All settings by name, defaults included."""
        return {setting.name: getattr(self, setting.name) for setting in TABLE}

    def given(self) -> dict[str, Any]:
        """Only what was given."""
        return dict(self._given)

    def _set(self, name: str, value: Any, where: str) -> None:
        setting = _NAMES.get(name)
        if setting is None:
            _refuse_unknown(name, where)
        elif value is not None:
            self._given[setting.name] = _parsed(setting, value, f"{where}: {name}")


def _refuse_unknown(name: str, where: str) -> None:
    if name in _WITHOUT_EFFECT:
        return
    if name.startswith(("x_", "_")):
        guard.warn_once(f"setting {name}", "%s: the setting %r means nothing to Runlore and is ignored", where, name)
        return
    import difflib  # noqa: PLC0415 - only to word an error

    near = difflib.get_close_matches(name, _NAMES, n=1)
    raise UsageError(f"{where}: there is no setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def _parsed(setting: Setting, value: Any, where: str) -> Any:
    try:
        return setting.parse(value)
    except Wrong as error:
        shown = "…" if setting.name == "api_key" else repr(value)
        raise UsageError(f"{where}: cannot use {shown}: expected {error}") from None


def settle(arguments: Mapping[str, Any], settings: Settings | Mapping[str, Any] | None = None) -> Settings:
    """The settings in force. arguments: of ``init``, None where not given.

    Raises UsageError, which names the place of a wrong value.
    """
    merged = Settings()
    chosen: dict[str, Any] = {}
    foreign_key = None
    _from_file(chosen)
    for setting in TABLE:
        for variable in setting.variables:
            text = os.environ.get(variable)
            if text:
                value = text.split(",") if setting.name == "run_tags" else text
                chosen[setting.name] = _parsed(setting, value, f"environment variable {variable}")
                if variable == "WANDB_API_KEY":
                    foreign_key = chosen[setting.name]
                break
    if settings is not None:
        chosen.update(settings.given() if isinstance(settings, Settings) else Settings(**dict(settings)).given())
    for name, value in arguments.items():
        if value is not None and not (name == "entity" and value == ""):
            chosen[name] = _parsed(BY_NAME[name], value, f"init: {name}")
    if "base_url" not in chosen and chosen.get("api_key") == foreign_key:
        chosen.pop("api_key", None)  # a key of another product's server is for an address that was named
    if "root_dir" not in chosen and os.environ.get("WANDB_DIR"):
        chosen["root_dir"] = os.environ["WANDB_DIR"]
    merged._given.update(chosen)  # noqa: SLF001 - values are parsed already
    return merged


def _from_file(chosen: dict[str, Any]) -> None:
    path = folders.data_folder() / SETTINGS_FILE
    if not path.is_file():
        return
    import tomllib  # noqa: PLC0415 - only where there is such a file

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read settings file {path}: {error}") from error
    for name, value in content.items():
        setting = _NAMES.get(name)
        if setting is None:
            _refuse_unknown(name, str(path))
        else:
            chosen[setting.name] = _parsed(setting, value, f"{path}: {name}")
