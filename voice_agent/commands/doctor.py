"""`voice-agent doctor`: what works on this machine with these settings, what does not, and what to do about it.

Every check really tries the thing: it listens, connects, asks each engine one small request. None of them stops the
others. The exit code is 0 if a call would work, 1 if something that a call needs fails.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Literal

from voice_agent.agents.catalog import load_agents
from voice_agent.agents.pack_yaml import PackError
from voice_agent.audio.opus import OpusMissingError, libopus_version
from voice_agent.audio.silero import SileroMissingError
from voice_agent.audio.vad import SpeechDetector
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.ports import EngineError
from voice_agent.engines.registry import EngineRegistry
from voice_agent.hardening import landlock
from voice_agent.settings import Settings
from voice_agent.storage.database import Database
from voice_agent.storage.ephemeral import Ephemeral
from voice_agent.storage.errors import SecretsUnavailable, StorageError

Status = Literal["ok", "warn", "fail"]

_SILENCE_20_MS = bytes(640)
_ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - recognised, not bound


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    status: Status
    detail: str
    advice: str = ""
    """What to do; "" where nothing is wrong."""


Check = Callable[[Settings], AsyncGenerator[Finding, None]]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("doctor", help="check what works here, and say what to do about the rest")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    findings = asyncio.run(examine(settings, None if args.json else _print))
    if args.json:
        json.dump([asdict(finding) for finding in findings], sys.stdout, indent=2)
        sys.stdout.write("\n")
    return 1 if any(finding.status == "fail" for finding in findings) else 0


async def examine(settings: Settings, tell: Callable[[Finding], None] | None = None) -> list[Finding]:
    """Runs all checks one after the other; `tell` hears of each finding as it is made."""
    findings: list[Finding] = []
    for check in CHECKS:
        async for finding in _guarded(check, settings):
            findings.append(finding)
            if tell is not None:
                tell(finding)
    return findings


async def _guarded(check: Check, settings: Settings) -> AsyncGenerator[Finding, None]:
    name = check.__name__.removeprefix("check_")
    try:
        async with asyncio.timeout(settings.server.doctor_timeout_s):
            async for finding in check(settings):
                yield finding
    except TimeoutError:
        yield Finding(name, "fail", "no result in time", "Try again; if it stays, look at what it waits for.")
    except Exception as error:
        # A broken check must not hide what the others find, and its type is what a maintainer needs.
        yield Finding(name, "fail", f"the check itself failed: {type(error).__name__}", "Please report this.")


def _print(finding: Finding) -> None:
    sys.stdout.write(f"{finding.status:4}  {finding.check}: {finding.detail}\n")
    if finding.advice:
        sys.stdout.write(f"      -> {finding.advice}\n")
    sys.stdout.flush()


# --- checks -------------------------------------------------------------------------------------------------------


async def check_port(settings: Settings) -> AsyncGenerator[Finding, None]:
    server = settings.server
    try:
        listening = socket.create_server((server.host, server.port), family=_family(server.host))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = "Fine if that is this server; else choose another PORT."
            yield Finding("port", "warn", f"{server.port} is in use", advice)
        else:
            yield Finding("port", "fail", f"cannot listen: {error.strerror}", "Choose another HOST or PORT.")
        return
    listening.close()
    yield Finding("port", "ok", f"{server.host}, port {server.port} is free")


async def check_media_address(settings: Settings) -> AsyncGenerator[Finding, None]:
    """The address that callers' browsers are told to send sound to."""
    server = settings.server
    name = server.media_host or server.host
    if name in _ANY_ADDRESS:
        yield Finding(
            "media_address", "ok", "this machine's own address", "Behind NAT, set MEDIA_HOST to the public address."
        )
        return
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, 0, type=socket.SOCK_DGRAM)
    except OSError:
        yield Finding("media_address", "fail", "the name does not resolve", "Set MEDIA_HOST to an IP address.")
        return
    family, kind, _, _, address = found[0]
    try:
        with socket.socket(family, kind) as probe:
            probe.bind(address)
    except OSError:
        advice = "Fine if that address is forwarded here (UDP, all ports); else set MEDIA_HOST to one of this machine."
        yield Finding("media_address", "warn", "not an address of this machine", advice)
        return
    if ip_address(address[0]).is_loopback:
        advice = "Only browsers on this machine can call. Set HOST or MEDIA_HOST for others."
        yield Finding("media_address", "ok", "loopback", advice)
    else:
        yield Finding("media_address", "ok", "a UDP socket can be bound there")


async def check_opus(_settings: Settings) -> AsyncGenerator[Finding, None]:
    try:
        yield Finding("opus", "ok", libopus_version())
    except OpusMissingError as error:
        yield Finding("opus", "fail", "libopus cannot be loaded", str(error))


async def check_speech_detection(settings: Settings) -> AsyncGenerator[Finding, None]:
    try:
        detector = SpeechDetector(settings.audio)
    except SileroMissingError as error:
        yield Finding("speech_detection", "fail", "Silero cannot be loaded", str(error))
        return
    if detector.feed(_SILENCE_20_MS):
        advice = "Raise AUDIO_SILERO_THRESHOLD and AUDIO_VAD_MODE."
        yield Finding("speech_detection", "fail", "silence counts as speech", advice)
    else:
        yield Finding("speech_detection", "ok", "webrtcvad and Silero" if settings.audio.silero else "webrtcvad")


async def check_audio_containment(settings: Settings) -> AsyncGenerator[Finding, None]:
    """Whether the kernel can be asked to keep the process from writing files."""
    version = landlock.supported()
    if version > 0:
        yield Finding("audio_containment", "ok", f"Landlock, version {version}")
    else:
        advice = "Use a kernel with Landlock (5.13 or later, enabled), or a read-only root file system."
        status: Status = "fail" if settings.server.require_landlock else "warn"
        yield Finding("audio_containment", status, "this kernel has no Landlock", advice)


async def check_agents(settings: Settings) -> AsyncGenerator[Finding, None]:
    try:
        agents = load_agents(settings)
    except PackError as error:
        yield Finding("agents", "fail", "the content packs cannot be loaded", str(error))
        return
    default = settings.server.default_agent
    if default in agents:
        yield Finding("agents", "ok", ", ".join(agents))
    else:
        yield Finding("agents", "fail", "the default agent does not exist", f"Set DEFAULT_AGENT: {', '.join(agents)}.")


async def check_database(settings: Settings) -> AsyncGenerator[Finding, None]:
    own = not settings.storage.database_url.get_secret_value()
    name = "the embedded Postgres" if own else "DATABASE_URL"
    try:
        async with Database(settings.storage):
            yield Finding("database", "ok", f"{name} answers and is up to date")
    except StorageError as error:
        yield Finding("database", "fail", f"{name} cannot be used", str(error))


async def check_redis(settings: Settings) -> AsyncGenerator[Finding, None]:
    own = not settings.storage.redis_url.get_secret_value()
    try:
        async with Ephemeral(settings.storage) as ephemeral:
            await ephemeral.run(lambda client: client.ping())
    except (SecretsUnavailable, StorageError):
        advice = "Start Redis, correct REDIS_URL, or leave it empty to do without (one process only)."
        yield Finding("redis", "fail", "REDIS_URL does not answer", advice)
        return
    yield Finding("redis", "ok", "in this process" if own else "REDIS_URL answers")


async def check_engines(settings: Settings) -> AsyncGenerator[Finding, None]:
    try:
        async with EngineRegistry(settings) as engines:
            known = {f"{engine.port} {engine.engine}": engine for engine in engines.describe()}
            for result in await engines.probe():
                description = known.get(f"{result.port} {result.engine}")
                where = f" at {description.target}" if description and description.target else ""
                name = f"{result.port}: {result.engine}{where}"
                if result.ok:
                    yield Finding("engine", "ok", f"{name}, {result.duration_ms} ms")
                elif description and description.fallback:
                    yield Finding("engine", "warn", f"{name} (the fallback) failed", result.error)
                else:
                    yield Finding("engine", "fail", f"{name} failed", result.error)
    except (ConfigurationError, EngineError) as error:
        yield Finding("engine", "fail", "the engines cannot be started", str(error))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


CHECKS: tuple[Check, ...] = (
    check_port,
    check_media_address,
    check_opus,
    check_speech_detection,
    check_audio_containment,
    check_agents,
    check_database,
    check_redis,
    check_engines,
)
