"""The nodes: how much each owes, when it was last heard, and its pause."""

import secrets
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api import pause as interface
from api.problems import NOT_FOUND, Problem
from console import plan_map
from console.visit import REFUSALS, Fields, Visit, filled, page, problem_of
from database.documents import pause as documents
from domain.mistake import describe
from domain.network import Network
from domain.pause import OpenWork, PauseRequest, ResumeRequest
from domain.role import Role

Document = Mapping[str, Any]

ACTS = ("pause", "resume")
"""The acts, by the last part of their address."""
NOTHING = {"open": 0, "late": 0, "silent": 0}


async def _show(visit: Visit) -> Response:
    """Every node of the network; those with trouble come first."""
    found, network = await _nodes(visit)
    rows = sorted(found, key=lambda row: (-row["silent"], -row["late"], row["node"]))
    return visit.shown("nodes.html", nodes=rows, drawn=plan_map.of_nodes(rows, network))


async def _nodes(visit: Visit) -> tuple[list[Document], Network]:
    heard = visit.service.transactions.heard
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        paused, works = await documents.active(connection), await documents.workloads(connection)
        contacts = await documents.contacts(connection, sorted(network.nodes))
    rows = documents.nodes(list(network.nodes.values()), paused, contacts)
    shown: list[Document] = [
        {**row, **works.get(row["node"], NOTHING), "last_heard": heard.last(row["node"]) or row["last_heard"]}
        for row in rows
    ]
    return shown, network


async def _ask(visit: Visit) -> Response:
    return await _asked(visit, visit.query)


async def _asked(visit: Visit, asked: Fields, mistake: str = "", status: int = 200) -> Response:
    """What a pause, or its end, would do. Nothing is done."""
    name, act = visit.request.path_params["node"], _act(visit)
    rows, _ = await _nodes(visit)
    found = next((row for row in rows if row["node"] == name), None)
    if found is None:
        raise Problem(NOT_FOUND, f"there is no node {name}")
    return visit.shown(
        "act_on_node.html", status, node=found, act=act, once=secrets.token_hex(16), asked=asked, mistake=mistake
    )


def _act(visit: Visit) -> str:
    act: str = visit.request.path_params["act"]
    if act not in ACTS:
        raise Problem(NOT_FOUND, "there is no such page")
    return act


async def _do(visit: Visit) -> Response:
    """Pause the node, or resume it."""
    form, once = visit.form, visit.form.get("once")
    name, values = visit.request.path_params["node"], {"reason": form.get("reason")}
    try:
        if _act(visit) == "pause":
            values["open_work"] = form.get("open_work") or OpenWork.KEEP
            asked = PauseRequest.model_validate(filled(PauseRequest, values))
            await interface.pause_node(name, asked, visit.holder, visit.service, once)
        else:
            ended = ResumeRequest.model_validate(filled(ResumeRequest, values))
            await interface.resume_node(name, ended, visit.holder, visit.service, once)
    except ValidationError as error:
        return await _asked(visit, form, describe(error, PauseRequest), 422)
    except REFUSALS as error:
        problem = problem_of(error)
        return await _asked(visit, form, f"{problem.kind.title}: {problem.detail}", problem.kind.status)
    return RedirectResponse(f"/console/nodes#{name}", 303)


ROUTES = [
    page("/nodes", _show),
    page("/nodes/{node}/{act}", _ask, role=Role.ACT),
    page("/nodes/{node}/{act}", _do, ("POST",)),
]
