"""Checks before an engine with an operator's own package and model is built."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from voice_agent.engines.errors import ConfigurationError


def require_package(module: str, package: str, setting: str) -> None:
    """Raises ConfigurationError naming `setting` ("TRANSCRIBER=vosk") unless `module` can be imported."""
    if find_spec(module) is None:
        raise ConfigurationError(f"{setting}: the package {package} is not installed (pip install {package})")


def require_path(path: str, setting: str, what: str) -> Path:
    """The model's path. Raises ConfigurationError naming `setting` if it is empty or does not exist."""
    if not path:
        raise ConfigurationError(f"{setting} is empty: set it to {what}")
    if not Path(path).exists():
        raise ConfigurationError(f"{setting}: there is no file or folder {path!r}; set it to {what}")
    return Path(path)


def require_file(folder: Path, pattern: str, setting: str) -> Path:
    """The one file in `folder` that matches, a quantized (int8) one first. Raises ConfigurationError if none does."""
    found = sorted(folder.glob(pattern), key=lambda path: (".int8." not in path.name, path.name))
    if not found:
        raise ConfigurationError(f"{setting}: {str(folder)!r} holds no file like {pattern}")
    return found[0]
