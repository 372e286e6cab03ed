"""Damaged content packs: loaded or refused with a message that names the file, in a time that their size explains."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fuzz.mutations import damaged_bytes, damaged_text
from tests.fuzz.support import chance, fuzzing, mutants
from voice_agent.agents import packs
from voice_agent.agents.packs import BUILT_IN, PackError, load_packs

pytestmark = fuzzing

_BOMBS = (
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    b"!!python/object/apply:os.system ['true']\n",
    b"? [complex]\n: key\n",
    b"articles: " + b"[" * 5000,
    b"articles: " + b"- " * 5000,
    b"%YAML 9.9\n---\n%TAG ! tag:x\n",
    b"\xff\xfe\x00",
    b"a: 1\n" * 2000,
    b"? " * 3000,
    b"x: |\n " + b" " * 100_000,
)


def test_damaged_packs_are_loaded_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = chance("packs")
    originals = [path.read_bytes() for path in sorted(BUILT_IN.rglob("*.yaml"))]
    # The built-in packs would be read again for every mutant.
    monkeypatch.setattr(packs, "BUILT_IN", tmp_path)
    file = tmp_path / "own.yaml"
    loaded = 0
    messages: set[str] = set()
    slowest = 0.0
    for number in mutants(150):
        if number < len(_BOMBS):
            content = _BOMBS[number]
        elif number % 2:
            content = damaged_text(dice.choice(originals).decode(), dice).encode("utf-8", "replace")
        else:
            content = damaged_bytes(dice.choice(originals), dice)
        file.write_bytes(content)
        start = time.thread_time()
        try:
            load_packs(None, max_bytes=512 * 1024, max_files=50)
            loaded += 1
        except PackError as error:
            messages.add(str(error))
        slowest = max(slowest, time.thread_time() - start)
    assert messages
    assert not [m for m in messages if str(tmp_path) not in m or len(m) > 600 + len(str(tmp_path))]
    assert loaded < len(mutants(150))
    assert slowest < 2
