"""The load test against a real server, by each transport: what callers notice is measured, and failures are counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.load import target
from scripts.load_test import main

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def server() -> Iterator[target.Target]:
    with target.own_server(target.Delays(), pin=False) as running:
        yield running


@pytest.mark.parametrize(("transport", "latency"), [("webrtc", "voice_to_voice"), ("text", "whole_text")])
def test_callers_are_answered_and_measured(
    server: target.Target, transport: str, latency: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, page = tmp_path / "r.json", tmp_path / "r.html"
    arguments = ["--url", server.base_url, "--key", server.key, "--transport", transport, "--calls", "2"]
    arguments += ["--duration", "3", "--settle", "2", "--pause", "0.1", "--barge-in", "0"]
    assert main([*arguments, "--json", str(report), "--html", str(page)]) == 0
    result = json.loads(report.read_text())
    (outcome,) = result["outcomes"]
    assert outcome["calls"] == 2
    assert outcome["durations"][latency]["count"] > 0
    assert outcome["server_cpu"] > 0
    assert result["failures"] == {}
    assert "key" not in result["options"]
    assert "<svg" in page.read_text()
    assert latency.replace("_", " ") in capsys.readouterr().out


def test_a_wrong_key_and_a_missing_server_are_failures_with_a_name(
    server: target.Target, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["--calls", "1", "--duration", "0.2", "--settle", "0.3"]
    assert main(["--url", server.base_url, "--key", "sk_wrong", *short]) == 1
    assert "refused: 401 invalid_api_key" in capsys.readouterr().out
    assert main(["--url", "http://127.0.0.1:9/v1", *short]) == 1
    out = capsys.readouterr().out
    assert "not reached: " in out
    assert "not available" in out
