"""Where a configuration may come from: dictionaries, parsed arguments, flags, objects with fields, YAML files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from runlore.errors import UsageError
from runlore.sdk import values

DEFAULTS_FILE: Final = "config-defaults.yaml"
"""Read from the working directory, else from the script's folder, when it exists; everything else wins over it."""


def parse(given: Any, *, exclude: list[str] | None = None, include: list[str] | None = None) -> dict[str, Any]:
    """A configuration as a dictionary of its top-level keys, values not yet converted.

    given: mapping, argparse Namespace, absl or TensorFlow flags, dataclass, attrs, pydantic or OmegaConf object, a path
    of a YAML file, or None. exclude, include: top-level keys to leave out or to keep; only one of both.
    Raises UsageError.
    """
    if exclude and include:
        raise UsageError("cannot use config_exclude_keys and config_include_keys together: give one of them")
    found = _read(given)
    if include:
        return {key: value for key, value in found.items() if key in include}
    return {key: value for key, value in found.items() if key not in (exclude or ())}


def _read(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        return from_yaml(Path(given))
    fields = values.fields_of(given)
    if fields is not None:
        return {str(key): value for key, value in fields.items()}
    if callable(getattr(given, "flag_values_dict", None)):  # absl
        return dict(given.flag_values_dict())
    if type(given).__name__ in {"_FlagValues", "_FlagValuesWrapper"} and hasattr(given, "__flags"):  # TensorFlow 1
        flags = getattr(given, "__flags")
        return {name: getattr(flag, "value", flag) for name, flag in flags.items()}
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()}
    if hasattr(given, "__dict__") and not callable(given):
        return {key: value for key, value in vars(given).items() if not key.startswith("_")}
    raise UsageError(
        f"cannot use a {type(given).__name__} as config: expected a dictionary, parsed arguments, an object with fields "
        "or the path of a YAML file"
    )


def from_yaml(path: Path) -> dict[str, Any]:
    """The configuration in a YAML file; entries of the form ``{value: …, desc: …}`` stand for their value.

    Raises UsageError when the file cannot be read or holds something else than a mapping.
    """
    import yaml  # noqa: PLC0415 - slow to import

    try:
        with path.open(encoding="utf-8") as file:
            found = yaml.safe_load(file)
    except OSError as error:
        raise UsageError(f"cannot read config file {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read config file {path}: it is no valid YAML: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UsageError(f"cannot use config file {path}: expected keys and values, found a {type(found).__name__}")
    return {str(key): _entry(value) for key, value in found.items() if key != "wandb_version"}


def _entry(value: Any) -> Any:
    if isinstance(value, dict) and "value" in value and set(value) <= {"value", "desc"}:
        return value["value"]
    return value


def from_files(paths: list[str], program: str) -> dict[str, Any]:
    """Configuration of the defaults file, then of ``paths``, then of ``--configs`` on the command line; later wins.

    Raises UsageError when a named file cannot be read.
    """
    merged: dict[str, Any] = {}
    for folder in dict.fromkeys([Path(), Path(program).parent if program else Path()]):
        if (folder / DEFAULTS_FILE).is_file():
            merged.update(from_yaml(folder / DEFAULTS_FILE))
            break
    for path in [*paths, *_from_command_line(getattr(sys, "argv", [])[1:])]:
        merged.update(from_yaml(Path(path)))
    return merged


def _from_command_line(arguments: list[str]) -> list[str]:
    """YAML files named by ``--configs a.yaml,b.yaml``; a ``--configs`` of another meaning is left alone."""
    text = ""
    for index, argument in enumerate(arguments):
        if argument.startswith("--configs="):
            text = argument.partition("=")[2]
        elif argument == "--configs" and index + 1 < len(arguments):
            text = arguments[index + 1]
    names = [name for name in text.split(",") if name]
    are_files = names and all(name.endswith((".yaml", ".yml")) and Path(name).is_file() for name in names)
    return names if are_files else []
