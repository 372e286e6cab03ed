"""Code that could put audio on a disk does not pass the linter, nor this reading of every module that opens files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUFF = Path(sys.executable).with_name("ruff")

BANNED = {
    "tempfile": "import tempfile\n",
    "a name of tempfile": "from tempfile import NamedTemporaryFile\n",
    "wave": "import wave\n",
    "soundfile.write": "import soundfile as sf\n\nsf.write('a.wav', [0.0], 16000)\n",
    "soundfile.SoundFile": "import soundfile\n\nsoundfile.SoundFile('a.wav', 'w', 16000, 1)\n",
    "av.open": "import av\n\nav.open('a.ogg', 'w')\n",
    "scipy.io.wavfile": "from scipy.io import wavfile\n\nwavfile.write('a.wav', 16000, [0])\n",
    "numpy.save": "import numpy as np\n\nnp.save('a.npy', np.zeros(1))\n",
    "numpy.memmap": "import numpy as np\n\nnp.memmap('a.bin', np.int16, 'w+', shape=(1,))\n",
    "shared memory": "from multiprocessing.shared_memory import SharedMemory\n\nSharedMemory('a')\n",
}
MAY_EXEMPT = {"voice_agent/audio/flac.py": 1}
"""Modules that may switch the ban off, and how often: FLAC is encoded into a BytesIO."""

MAY_WRITE = {
    "voice_agent/engines/local/workers/host.py": "opens /dev/null",
    "voice_agent/storage/cluster.py": "the folder and the lock of the embedded database",
    "voice_agent/storage/crypto.py": "the key of the outbox",
    "voice_agent/storage/embedded.py": "the embedded database's log",
    "voice_agent/storage/outbox_folder.py": "the folders of the outbox",
    "voice_agent/storage/outbox_segment.py": "encrypted text",
    "voice_agent/storage/binaries.py": "copies of the database's programs",
}
WRITES = {
    "open": "open('a', 'wb')",
    "open by keyword": "open('a', mode='ab')",
    "open by a mode that is not read here": "open('a', mode)",
    "Path.open": "Path('a').open('w')",
    "Path.write_bytes": "Path('a').write_bytes(pcm)",
    "Path.write_text": "Path('a').write_text('x')",
    "ndarray.tofile": "samples.tofile('a')",
    "os.open": "os.open('a', os.O_WRONLY | os.O_CREAT)",
    "os.open by flags that are not read here": "os.open('a', flags)",
    "os.mkfifo": "os.mkfifo('a')",
    "mkdir": "Path('a').mkdir()",
    "touch": "Path('a').touch()",
    "shutil.copy": "shutil.copyfile('a', 'b')",
}
READS = [
    "open('a')",
    "open('a', 'rb')",
    "Path('a').open()",
    "Path('a').open(encoding='utf-8')",
    "transcriber.open(options)",
    "os.open('a', os.O_PATH | os.O_CLOEXEC)",
    "os.open('a', os.O_RDONLY)",
    "os.write(1, b'x')",
]

_WRITERS = {"write_bytes", "write_text", "tofile", "mkfifo", "mknod", "mkdir", "makedirs", "touch", "symlink_to",
            "hardlink_to", "copyfile", "copytree", "copy2", "copyfileobj", "memfd_create"}  # fmt: skip
_WRITE_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC", "O_TMPFILE"}


def writes(source: str) -> Iterator[int]:
    """Lines on which a file may be opened for writing or made. A mode or flags that cannot be read count as writing."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        of_os = (
            isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "os"
        )
        if name in _WRITERS or (name == "open" and (_flags_write(node) if of_os else _mode_writes(node))):
            yield node.lineno


def _flags_write(call: ast.Call) -> bool:
    names = {node.attr for node in ast.walk(call.args[1]) if isinstance(node, ast.Attribute)}
    return bool(names & _WRITE_FLAGS) or not any(name.startswith("O_") for name in names)


def _mode_writes(call: ast.Call) -> bool:
    position = 1 if isinstance(call.func, ast.Name) else 0
    modes = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] + call.args[position : position + 1]
    if not modes:
        return False
    if isinstance(modes[0], ast.Constant):
        return isinstance(modes[0].value, str) and bool(set(modes[0].value) & set("wax+"))
    return isinstance(call.func, ast.Name)  # what is not a file may have a method of that name


def modules() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for package in ("voice_agent", "signaling")
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def linted(source: str, name: str = "voice_agent/audio/sample.py") -> str:
    command = [str(RUFF), "check", "--no-cache", "--output-format", "concise", "--stdin-filename", name, "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, cwd=ROOT, check=False, timeout=30)
    return done.stdout


@pytest.mark.parametrize("way", BANNED)
def test_the_linter_refuses(way: str) -> None:
    assert "TID251" in linted(BANNED[way])


def test_the_linter_lets_other_code_pass() -> None:
    assert "TID251" not in linted("import io\n\nimport numpy as np\n\nio.BytesIO().write(np.zeros(1).tobytes())\n")


def test_only_named_modules_switch_the_ban_off() -> None:
    found = {name: len(re.findall(r"noqa:[^#\n]*TID251", source)) for name, source in modules().items()}
    assert {name: count for name, count in found.items() if count} == MAY_EXEMPT


@pytest.mark.parametrize("way", WRITES)
def test_the_reading_sees(way: str) -> None:
    assert list(writes(WRITES[way])) == [1]


@pytest.mark.parametrize("code", READS)
def test_the_reading_lets_pass(code: str) -> None:
    assert list(writes(code)) == []


def test_only_named_modules_write_files() -> None:
    found = {name: list(writes(source)) for name, source in modules().items()}
    assert {name for name, lines in found.items() if lines} == MAY_WRITE.keys()
