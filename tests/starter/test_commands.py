"""Every command ends with the exit code that it means, and says in one line what a person can mend."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cyclopts import App

from embedded.ports import LOOPBACK, free_port
from embedded.postgres import FORGETFUL, EmbeddedPostgres
from embedded.temporal import EmbeddedTemporal
from starter.__main__ import COMMANDS, joined

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "network" / "example")
RUNS = 4  # leaving Python after using the Temporal client aborts about every second time, unless one takes care

# fmt: off
ENDS = [
    # command                          exit code  and the only line on standard error begins with
    (["--help"],                               0, None),
    (["network", "check", EXAMPLE],            0, "network 2026-11-21: 5 nodes, "),
    (["up", "--no-such-option"],               2, "Unknown option"),
    (["prepare"],                              1, "DATABASE_URL is not set and no embedded stack runs on .data"),
]
# fmt: on


def surroundings(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process with these servers and no others."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL" and "TEMPORAL" not in name}
    return {**kept, "PYTHONPATH": str(ROOT), "TERM": "dumb", **settings}


def starter(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder without a stack."""
    command = [sys.executable, "-m", "starter", *arguments]
    return subprocess.run(command, cwd=folder, env=surroundings(settings), capture_output=True, text=True)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings for a PostgreSQL and a Temporal of our own, prepared."""
    folder = tmp_path_factory.mktemp("servers")
    postgres = EmbeddedPostgres(folder / "postgresql", FORGETFUL)
    with postgres, EmbeddedTemporal(folder, in_memory=True) as temporal:
        settings = {
            "DATABASE_URL": postgres.url,
            "TEMPORAL_ADDRESS": temporal.address,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "SWITCHYARD_OPERATOR_KEY": "a key for this test",
        }
        assert starter("prepare", folder=folder, **settings).returncode == 0
        yield settings
    postgres.discard()


@pytest.mark.parametrize(("command", "exit_code", "words"), ENDS)
def test_a_command_ends_with_the_code_that_it_means(
    command: list[str], exit_code: int, words: str | None, tmp_path: Path
) -> None:
    ended = starter(*command, folder=tmp_path)
    assert ended.returncode == exit_code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert words is None or words in ended.stderr


def test_every_file_of_the_folder_is_a_command() -> None:
    files = {file.stem.replace("_", "-") for file in (ROOT / "starter").glob("*.py")}
    assert files - {"--main--"} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_the_first_sentence_of_each_commands_own_help(name: str) -> None:
    command = joined(name)[name]
    assert isinstance(command, App)
    assert command.help.splitlines()[0] == COMMANDS[name]


def test_the_list_of_commands_is_shown_before_any_of_them_is_imported(tmp_path: Path) -> None:
    loaded = "import sys; sys.stderr.write(' '.join(n for n in ('temporalio', 'sqlalchemy', 'pydantic') if n in sys.modules))"
    program = (
        f"from starter.__main__ import joined; joined('--help')(['--help'], result_action='return_value'); {loaded}"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=tmp_path, env=surroundings({}), capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "simulate-nodes" in ended.stdout


def test_applying_a_network_says_which_version_is_active(servers: dict[str, str], tmp_path: Path) -> None:
    applied = [starter("network", "apply", EXAMPLE, folder=tmp_path, **servers) for _ in range(2)]
    assert len({one.stderr for one in applied}) == 1, "the same files are the same version"
    assert applied[0].stdout == ""
    assert applied[0].stderr.startswith("network 2026-11-21: 5 nodes, ")
    assert applied[0].stderr.endswith("; active as version 1\n")


def test_a_preview_says_what_a_network_changes_and_applies_nothing(servers: dict[str, str], tmp_path: Path) -> None:
    starter("network", "apply", EXAMPLE, folder=tmp_path, **servers)
    other = shutil.copytree(EXAMPLE, tmp_path / "other")
    items = (other / "items.csv").read_text().splitlines(keepends=True)
    (other / "items.csv").write_text("".join([*items, "NEW-1,Something new,100,0,,,,,,,,\n"]))

    previews = [starter("network", "apply", "--preview", str(other), folder=tmp_path, **servers) for _ in range(2)]

    assert [(one.returncode, one.stdout, one.stderr) for one in previews] == [(0, "items: 1 added\n", "")] * 2


A_KEY = """
import asyncio, os
from database import key
from database.connect import Database

async def add():
    async with Database(os.environ["DATABASE_URL"]).write() as connection:
        await key.add(connection, key_id="wholesale", kind="channel", name="wholesale", key="a key of the channel")

asyncio.run(add())
"""


def test_what_is_probably_not_meant_is_printed_and_still_applied(servers: dict[str, str], tmp_path: Path) -> None:
    network = tmp_path / "network"
    shutil.copytree(EXAMPLE, network, ignore=shutil.ignore_patterns("cases"))
    policy = network / "policy.toml"
    policy.write_text(
        policy.read_text().replace('"fragile" in', '"fragil" in').replace('version = "2026', 'version = "2027')
    )
    line = policy.read_text()[: policy.read_text().index("fragil")].count("\n") + 1
    warning = f"{policy}:{line}: warning: when: no item has the tag 'fragil'; did you mean 'fragile'?\n"
    checked = starter("network", "check", str(network), folder=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, warning)
    assert "lax: closed next on Fri" in checked.stderr
    assert checked.stderr.endswith("network 2027-11-21: 5 nodes, 10 items; it can be applied, with 1 warning\n")
    applied = starter("network", "apply", str(network), folder=tmp_path, **servers)
    assert (applied.returncode, applied.stdout) == (0, f"changed: [exclude], cases\n{warning}")
    assert applied.stderr == "network 2027-11-21: 5 nodes, 10 items; active as version 2\n"
    subprocess.run([sys.executable, "-c", A_KEY], check=True, cwd=tmp_path, env=surroundings(servers))
    applied = starter("network", "apply", EXAMPLE, folder=tmp_path, **servers)
    said = "warning: no order came yet from the channel 'marketplace', and it has no key\n"
    changed, warned = applied.stdout.splitlines(keepends=True)
    assert changed == "changed: [exclude], cases\n"
    assert warned.startswith(f"{EXAMPLE}/policy.toml:")
    assert warned.endswith(said)


def test_a_policy_that_breaks_a_case_is_refused_with_its_plan_unless_the_case_is_accepted_by_name(
    servers: dict[str, str], tmp_path: Path
) -> None:
    network = Path(shutil.copytree(EXAMPLE, tmp_path / "network"))
    policy = network / "policy.toml"
    policy.write_text(
        policy.read_text().replace('"fragile" in', '"fragil" in').replace('version = "2026', 'version = "2028')
    )
    case = "Glass is packed in warehouses only"

    def applied(*more: str) -> subprocess.CompletedProcess[str]:
        return starter("network", "apply", str(network), *more, folder=tmp_path, **servers)

    refused = applied()
    assert refused.returncode == 1
    assert [line.removeprefix(str(network)) for line in refused.stdout.splitlines()] == [
        f'/cases/direct.toml:73: case \'{case}\' is broken: nodes is ["chi"], not ["nwk"]. The plan would be: chi ships 1 of '
        "CANDLE-220 (line 1): 0 km, cost 5.00, there in 1 day, by 2026-11-25 (strategy direct, tier 1)"
    ]
    other = applied("--accept", "Glass")
    assert other.returncode == 1
    assert "no case 'Glass' is broken, so nothing is accepted" in other.stdout
    accepted = applied("--accept", case)
    assert (accepted.returncode, accepted.stderr.split(";")[0]) == (0, "network 2028-11-21: 5 nodes, 10 items")
    starter("network", "apply", EXAMPLE, folder=tmp_path, **servers)


def test_a_command_that_uses_temporal_ends_the_same_way_every_time(servers: dict[str, str], tmp_path: Path) -> None:
    ended = [starter("prepare", "--network", EXAMPLE, folder=tmp_path, **servers) for _ in range(RUNS)]
    assert [(one.returncode, one.stderr) for one in ended] == [(0, "")] * RUNS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_the_http_process_ends_well_after_a_signal(servers: dict[str, str], number: signal.Signals) -> None:
    port = free_port()
    command = [sys.executable, "-m", "starter", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=surroundings(servers), stderr=subprocess.PIPE, text=True) as serving:
        while not _accepts(port) and serving.poll() is None:
            time.sleep(0.05)
        serving.send_signal(number)
        _, said = serving.communicate()
    assert serving.returncode == 0, said


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def test_servers_that_are_not_there_are_reported_in_one_line(servers: dict[str, str], tmp_path: Path) -> None:
    nowhere = "127.0.0.1:1"
    for settings in ({"DATABASE_URL": f"postgresql://switchyard@{nowhere}/x"}, {"TEMPORAL_ADDRESS": nowhere}):
        ended = starter("prepare", folder=tmp_path, **{**servers, **settings})
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
        assert nowhere in ended.stderr


def test_every_mistake_of_a_network_directory_is_a_line_of_its_own(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "network")
    nodes = tmp_path / "network" / "nodes.toml"
    nodes.write_text(nodes.read_text().replace('kind = "', 'kind = "no-').replace('country = "US"', 'country = "XX"'))
    ended = starter("network", "check", "network", folder=tmp_path)
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("network/nodes.toml:") for line in lines if "kind" in line or "country" in line)
