"""The deployment files hold together, as far as that can be known without a container engine.

They are parsed; their commands, options, variables and paths are compared with what the programs really have.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.env_example import groups
from signaling import cli
from voice_agent.settings import ServerSettings, StorageSettings, TurnSettings
from voice_agent.storage.binaries import find_binaries

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
UNIT = ROOT / "deploy" / "voice-agent.service"

# Keys of the Compose specification that are used, with the types it gives them.
KEYS: dict[str, type | tuple[type, ...]] = {
    "build": dict,
    "cap_drop": list,
    "command": list,
    "depends_on": dict,
    "entrypoint": list,
    "env_file": str,
    "environment": dict,
    "healthcheck": dict,
    "image": str,
    "mem_limit": str,
    "memswap_limit": str,
    "network_mode": str,
    "pids_limit": int,
    "ports": list,
    "profiles": list,
    "read_only": bool,
    "restart": str,
    "security_opt": list,
    "shm_size": str,
    "stop_grace_period": str,
    "tmpfs": list,
    "ulimits": dict,
    "user": str,
    "volumes": list,
}

# What `turnserver --help` of coturn 4.6.1 lists, as far as it is used here.
COTURN = set(
    """
    realm use-auth-secret static-auth-secret fingerprint stale-nonce listening-port min-port max-port user-quota
    total-quota max-bps max-allocate-lifetime no-multicast-peers denied-peer-ip allowed-peer-ip no-tcp-relay no-tls
    no-dtls no-cli no-rfc5780 no-software-attribute log-file simple-log external-ip pidfile
    """.split()
)
# Tried with redis-server 7.0.15.
REDIS = {"--save", "--appendonly", "--maxmemory", "--maxmemory-policy"}


def settings() -> set[str]:
    return {
        (group.model_config.get("env_prefix", "") + name).upper() for group in groups() for name in group.model_fields
    }


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def stop_s() -> float:
    """How long an orderly stop may take with the defaults."""
    server, turns, storage = (
        ServerSettings(_env_file=None),
        TurnSettings(_env_file=None),
        StorageSettings(_env_file=None),
    )
    return (
        server.drain_timeout_s
        + turns.goodbye_timeout_s
        + 2 * server.close_timeout_s
        + storage.writer_close_timeout_s
        + storage.postgres_stop_timeout_s
    )


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_uses_keys_that_compose_knows(name: str) -> None:
    service = SERVICES[name]
    assert {key for key in service if not isinstance(service[key], KEYS.get(key, ()))} == set()
    assert ("image" in service) != ("build" in service)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined_and_can_be_asked_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["ulimits"]["core"] == 0
    assert service["mem_limit"] == service["memswap_limit"], "more than memory is swap"
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert all("noexec" in mount and mount.startswith("/") for mount in service["tmpfs"])
    assert "privileged" not in service


def test_nothing_but_the_server_is_reachable_from_outside() -> None:
    for name in ("postgres", "redis"):
        assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])
    assert SERVICES["server"]["environment"]["HOST"] == "127.0.0.1"


def test_the_servers_command_and_variables_exist() -> None:
    server = SERVICES["server"]
    assert server["command"][0] in cli._COMMANDS
    assert set(server["environment"]) <= settings()
    assert set(server["depends_on"]) <= set(SERVICES)
    for database in ("postgres", "redis"):
        published = SERVICES[database]["ports"][0].split(":")[1]
        assert f"@127.0.0.1:{published}/" in str(server["environment"])


def test_secrets_are_never_written_in_the_file() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|_URL", variable):
                assert "${" in value, variable


def test_every_volume_is_declared_or_a_file_of_ours() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).is_file(), source


def test_postgres_knows_its_options(tmp_path: Path) -> None:
    command = SERVICES["postgres"]["command"]
    assert command[0] == "postgres"
    options = [word.split("=")[0] for word in command[1:] if word != "-c"]
    postgres = find_binaries("", tmp_path / "none") / "postgres"
    described = subprocess.run([postgres, "--describe-config"], capture_output=True, text=True, check=True).stdout
    assert set(options) <= {line.split("\t")[0] for line in described.splitlines()}


def test_redis_and_coturn_know_their_options() -> None:
    redis = SERVICES["redis"]["command"][0].splitlines()[0]
    assert {word for word in shlex.split(redis.split("<<")[0]) if word.startswith("--")} <= REDIS
    lines = (ROOT / "deploy" / "turnserver.conf").read_text(encoding="utf-8").splitlines()
    used = {line.split("=")[0] for line in lines if line and not line.startswith("#")}
    script = SERVICES["coturn"]["command"][0]
    used |= set(re.findall(r"--([a-z-]+)", script)) | set(re.findall(r'echo "([a-z-]+)=', script))
    assert used <= COTURN


@pytest.mark.parametrize("name", ["redis", "coturn"])
def test_the_shell_scripts_of_the_compose_file_are_valid(name: str) -> None:
    script = SERVICES[name]["command"][0].replace("$$", "$")
    done = subprocess.run(["/bin/sh", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_coturn_refuses_to_relay_to_private_addresses() -> None:
    conf = (ROOT / "deploy" / "turnserver.conf").read_text(encoding="utf-8")
    for first in ("10.0.0.0", "127.0.0.0", "169.254.0.0", "172.16.0.0", "192.168.0.0", "fc00::", "fe80::", "::1"):
        assert f"denied-peer-ip={first}" in conf
    assert "use-auth-secret" in conf.splitlines()


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def test_the_dockerfile_copies_what_is_there_and_the_context_lets_it_through() -> None:
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored, source


def test_the_dockerfile_installs_by_hash_and_does_not_run_as_root() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    found = instructions()
    assert {word for word, _ in found} <= known
    assert any("--require-hashes -r requirements.lock" in rest for word, rest in found if word == "RUN")
    users = [rest for word, rest in found if word == "USER"]
    assert users
    assert users[-1] not in ("root", "0")
    variables = {pair.split("=")[0] for word, rest in found if word == "ENV" for pair in rest.split()}
    assert variables <= settings() | {"PATH", "PYTHONDONTWRITEBYTECODE"}
    assert dict(found)["ENTRYPOINT"] == '["voice-agent"]'
    command = yaml.safe_load(dict(found)["CMD"])
    assert command[0] in cli._COMMANDS


def unit_values(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_unit_starts_a_command_there_is_with_settings_there_are() -> None:
    program, command = unit_values("ExecStart")[0].rsplit(" ", 1)
    assert program.endswith("/.venv/bin/voice-agent")
    assert command in cli._COMMANDS
    variables = {pair.split("=")[0] for line in unit_values("Environment") for pair in line.split()}
    assert variables <= settings() | {"PYTHONDONTWRITEBYTECODE"}


def test_a_stop_is_given_the_time_it_may_take() -> None:
    assert seconds(unit_values("TimeoutStopSec")[0]) >= stop_s()
    assert seconds(SERVICES["server"]["stop_grace_period"]) >= stop_s()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    program = unit_values("ExecStart")[0].split()[0]
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(program, "/bin/true"), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
