"""What goes wrong before any engine runs: a setting that cannot be obeyed on this machine."""

from __future__ import annotations


class ConfigurationError(Exception):
    """An engine cannot be built as configured: a package, library or model is missing or the name is unknown.

    The message names the setting to change and is meant for the operator; it never holds a secret.
    """
