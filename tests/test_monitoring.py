"""The files for Prometheus and Grafana name only metrics that exist, and the page names all that exist.

That the page names exactly what `GET /metrics` shows is a test over a whole service: `tests/journeys/test_metrics.py`.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ALERTS = ROOT / "deploy/prometheus-alerts.yml"
DASHBOARD = ROOT / "deploy/grafana-dashboard.json"
SETTINGS = ROOT / "deploy/prometheus.yml"
PAGE = ROOT / "docs/operating/metrics.md"
NAME = re.compile(r"\b(?:switchyard|temporal)_[a-z_]+\b")
OF_A_HISTOGRAM = re.compile(r"(?<=_seconds)_(?:bucket|sum|count)$")


def documented() -> set[str]:
    """The metrics of the tables of the page, and the two of Temporal's SDK that it names."""
    return set(NAME.findall("".join(re.findall(r"`[^`]*`", PAGE.read_text()))))


def alerts() -> list[dict[str, Any]]:
    """Every rule of the file."""
    found = yaml.safe_load(ALERTS.read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """Every expression of the alerts and of the dashboard."""
    yield from (str(rule["expr"]) for rule in alerts())
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_metric_that_an_alert_or_a_panel_names_exists(expression: str) -> None:
    used = {OF_A_HISTOGRAM.sub("", name) for name in NAME.findall(expression)}
    assert used - documented() == set()
    assert used or expression.startswith("up{")


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    used = {OF_A_HISTOGRAM.sub("", name) for expression in expressions() for name in NAME.findall(expression)}
    for_looking_closer = {
        "switchyard_job_runs_total",
        "switchyard_job_last_success_timestamp_seconds",
    }
    assert {name for name in documented() if name.startswith("switchyard_")} - used == for_looking_closer


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    for rule in alerts():
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
    names = [rule["alert"] for rule in alerts()]
    assert len(set(names)) == len(names)
    assert f"{len(names)} alerts" in PAGE.read_text()


def test_panels_do_not_lie_on_each_other() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_prometheus_accepts_the_alerts_and_the_settings() -> None:
    """Where promtool is installed, as by Debian's package prometheus, it judges; else only their form is read."""
    assert yaml.safe_load(SETTINGS.read_text())["rule_files"] == [ALERTS.name]
    if promtool := shutil.which("promtool"):
        judged = subprocess.run([promtool, "check", "rules", ALERTS], capture_output=True, text=True)
        assert judged.returncode == 0, judged.stdout + judged.stderr
