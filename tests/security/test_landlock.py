"""What a process can no longer do after it restricted itself, proved in a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from voice_agent.hardening import landlock

needs_landlock = pytest.mark.skipif(landlock.supported() < 3, reason="this kernel cannot forbid all writing")

ATTEMPTS = """
import asyncio, json, os, socket, ssl, subprocess, sys, tempfile, wave
from pathlib import Path
from voice_agent.hardening import landlock

os.chdir(sys.argv[1])
Path("existing").write_bytes(b"kept")
Path("allowed").mkdir()
Path("one_file").write_bytes(b"")

def write_av(name, codec):
    container = av.open(name, "w")
    stream = container.add_stream(codec, rate=48000)
    stream.layout = "mono"
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), format="s16", layout="mono")
    frame.sample_rate = 48000
    for packet in stream.encode(frame):
        container.mux(packet)
    container.close()

def write_wave():
    with wave.open("leak2.wav", "wb") as file:
        file.setnchannels(1); file.setsampwidth(2); file.setframerate(16000); file.writeframes(bytes(100))

def overwrite():
    with open("existing", "r+b") as file:
        file.write(b"leak")

def shell():
    subprocess.run(["/bin/sh", "-c", "echo leak > leak3"], check=True, stderr=subprocess.DEVNULL)

async def sockets():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.close()
    udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    udp.close()
    server.close()

def tls():
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(theirs, ours, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    assert ours.read()[0] == 22  # a handshake record

ATTEMPTS = {
    "av.open wav": lambda: write_av("leak.wav", "pcm_s16le"),
    "av.open ogg": lambda: write_av("leak.ogg", "libopus"),
    "wave": write_wave,
    "tempfile": lambda: tempfile.TemporaryFile().write(b"x"),
    "np.save": lambda: np.save("leak.npy", np.zeros(10)),
    "/dev/shm": lambda: Path("/dev/shm/leak_of_test").write_bytes(b"x"),
    "truncate": lambda: os.truncate("existing", 0),
    "overwrite": overwrite,
    "unlink": lambda: os.unlink("existing"),
    "rename": lambda: os.rename("existing", "other"),
    "mkdir": lambda: os.mkdir("leak_dir"),
    "child shell": shell,
    "allowed directory": lambda: Path("allowed/text").write_bytes(b"x"),
    "allowed file": lambda: Path("one_file").write_bytes(b"x"),
    "/dev/null": lambda: Path("/dev/null").write_bytes(b"x"),
    "read": lambda: Path("existing").read_bytes(),
    "sockets": lambda: asyncio.run(sockets()),
    "names": lambda: socket.getaddrinfo("localhost", 80),
    "TLS": tls,
}
if sys.argv[2] == "restricted":
    landlock.restrict([Path("allowed"), Path("one_file")])
import av, numpy as np  # only now: they start threads
results = {}
for name, attempt in ATTEMPTS.items():
    try:
        attempt()
        results[name] = True
    except Exception:
        results[name] = False
print(json.dumps(results))
"""
WORKS = {"allowed directory", "allowed file", "/dev/null", "read", "sockets", "names", "TLS"}


def _attempt(folder: Path, mode: str) -> dict[str, bool]:
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, str(folder), mode], capture_output=True, text=True, timeout=60, check=True
    )
    Path("/dev/shm/leak_of_test").unlink(missing_ok=True)
    results: dict[str, bool] = json.loads(run.stdout)
    return results


@needs_landlock
def test_nothing_writes_outside_the_allow_list_and_all_else_works(tmp_path: Path) -> None:
    results = _attempt(tmp_path / "restricted", "restricted")
    assert {name for name, worked in results.items() if worked} == WORKS
    assert sorted(path.name for path in (tmp_path / "restricted").iterdir()) == ["allowed", "existing", "one_file"]
    assert (tmp_path / "restricted" / "existing").read_bytes() == b"kept"


def test_every_attempt_would_succeed_without_it(tmp_path: Path) -> None:
    results = _attempt(tmp_path / "free", "free")
    # Its file is gone by then: truncated, unlinked.
    assert {name for name, worked in results.items() if not worked} <= {"rename", "read"}


@needs_landlock
def test_a_second_thread_makes_it_refuse() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="threads"):
            landlock.restrict()
    finally:
        release.set()
        thread.join()


@needs_landlock
def test_threads_of_native_libraries_make_it_refuse_too() -> None:
    script = (
        "import threading, numpy as np\n"
        "from voice_agent.hardening import landlock\n"
        "assert threading.active_count() == 1\n"
        "try:\n    landlock.restrict()\n"
        "except RuntimeError as error:\n    print(error)\n"
        "print(landlock.in_force())\n"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", script], check=True, timeout=60, capture_output=True, text=True, env=environment
    )
    assert run.stdout.splitlines() == ["Landlock must be applied before other threads start", "False"]


@needs_landlock
def test_a_missing_path_is_an_error_and_restricts_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from voice_agent.hardening import landlock\n"
        "try:\n    landlock.restrict([pathlib.Path('/nowhere')])\n"
        "except FileNotFoundError:\n    pathlib.Path(sys.argv[1]).write_bytes(b'free')\n"
    )
    target = tmp_path / "written"
    subprocess.run([sys.executable, "-c", script, str(target)], check=True, timeout=60)
    assert target.read_bytes() == b"free"
