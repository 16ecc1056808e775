"""The policy: its versions, what differs, a check of a changed one, and applying it or an earlier one again."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from difflib import unified_diff
from typing import Any

from starlette.responses import RedirectResponse, Response

from api.problems import NOT_FOUND, REFUSED, Problem
from console.visit import Visit, number_seen, page
from database.documents import network as documents
from domain.role import Role
from network.load import NetworkDocuments
from transactions import network_version
from transactions.network_version import Judged, NetworkRefused, OtherVersion

Document = Mapping[str, Any]

VERSIONS = 100
"""How many of the newest versions can be seen and applied again."""


async def _show(visit: Visit) -> Response:
    """The active policy, and the versions before it."""
    known = await _versions(visit)
    active = next(one for one in known if one["is_active"])
    applied = visit.query.get("applied")
    return visit.shown(
        "policy.html", versions=known, active=active, applied=applied if applied == str(active["version"]) else ""
    )


async def _versions(visit: Visit) -> list[dict[str, Any]]:
    async with visit.service.database.read() as connection:
        await visit.network(connection)  # or the problem that says how to apply the first one
        found = await documents.versions(connection, VERSIONS)
    return [{**one, "name": _name(one["policy"])} for one in found]


def _name(policy: str) -> str:
    """What a policy calls itself."""
    try:
        return str(tomllib.loads(policy).get("version", ""))
    except tomllib.TOMLDecodeError:
        return ""


async def _show_version(visit: Visit) -> Response:
    """What would change if an earlier version was applied again. Nothing is done."""
    return await _version_shown(visit)


async def _version_shown(visit: Visit, mistake: str = "", status: int = 200) -> Response:
    known = await _versions(visit)
    asked = visit.request.path_params["version"]
    found = next((one for one in known if str(one["version"]) == asked), None)
    if found is None:
        raise Problem(NOT_FOUND, f"there is no version {asked} of the network")
    active = next(one for one in known if one["is_active"])
    judged = await _judged(visit, active["version"], found["version"])
    return visit.shown(
        "policy_version.html",
        status,
        found=found,
        active=active,
        judged=judged,
        refused=judged.refusals(visit.form.all("accept")),
        accepted=visit.form.all("accept"),
        difference=difference(active["policy"], found["policy"]),
        mistake=mistake,
    )


async def _judged(visit: Visit, active: int, version: int) -> Judged:
    async with visit.service.database.read() as connection:
        before = await network_version.documents_of(connection, active)
        return await network_version.judged(connection, before, await network_version.documents_of(connection, version))


def difference(before: str, after: str) -> list[str]:
    """The lines that differ, each with `+` or `-` before it, with some lines around them."""
    return list(unified_diff(before.splitlines(), after.splitlines(), lineterm=""))[2:]


async def _roll_back(visit: Visit) -> Response:
    """Apply an earlier version again, unless another version was applied since the operator looked."""
    known = {str(one["version"]) for one in await _versions(visit)}
    asked = visit.request.path_params["version"]
    if asked not in known:
        raise Problem(NOT_FOUND, f"there is no version {asked} of the network")
    async with visit.service.database.read() as connection:
        wanted = await network_version.documents_of(connection, int(asked))
    refused, answer = await _apply(visit, wanted)
    return answer or await _version_shown(visit, refused, REFUSED.status)


async def _apply(visit: Visit, wanted: NetworkDocuments) -> tuple[str, Response | None]:
    """Apply documents; answers why it was refused, or the next page."""
    try:
        version = await network_version.apply(
            visit.service.database,
            wanted,
            seen=number_seen(visit.form, "seen"),
            actor=visit.holder.actor,
            accepted=visit.form.all("accept"),
        )
    except OtherVersion:
        return (
            "Another version was applied since you looked, and nothing was done. Look at the differences again.",
            None,
        )
    except NetworkRefused as error:
        return "It was refused: " + "; ".join(error.lines), None
    return "", RedirectResponse(f"/console/policy?applied={version}", 303)


def _still_broken(visit: Visit, judged: Judged) -> list[str]:
    """The cases that the form accepts as broken, but for those that the text does not break any more."""
    return [name for name in visit.form.all("accept") if name in judged.cases.broken]


async def _show_editor(visit: Visit) -> Response:
    active = next(one for one in await _versions(visit) if one["is_active"])
    return visit.shown(
        "policy_edit.html",
        active=active,
        policy=active["policy"],
        judged=None,
        refused=[],
        accepted=[],
        difference=[],
        mistake="",
    )


async def _edit(visit: Visit) -> Response:
    """Check a changed policy and say what it would change; apply it when that was asked for."""
    policy = visit.form.get("policy").replace("\r\n", "\n") + "\n"
    active = next(one for one in await _versions(visit) if one["is_active"])
    async with visit.service.database.read() as connection:
        before = await network_version.documents_of(connection, active["version"])
        wanted = replace(before, policy=policy)
        judged = await network_version.judged(connection, before, wanted)
    refused = ""
    if visit.form.get("do") == "apply":
        refused, answer = await _apply(visit, wanted)
        if answer is not None:
            return answer
    return visit.shown(
        "policy_edit.html",
        REFUSED.status if refused else 200,
        active=active,
        policy=policy,
        judged=judged,
        refused=judged.refusals(_still_broken(visit, judged)),
        accepted=_still_broken(visit, judged),
        difference=difference(active["policy"], policy),
        mistake=refused,
    )


ROUTES = [
    page("/policy", _show),
    page("/policy/edit", _show_editor, role=Role.ADMIN),
    page("/policy/edit", _edit, ("POST",), Role.ADMIN),
    page("/policy/{version}", _show_version),
    page("/policy/{version}", _roll_back, ("POST",), Role.ADMIN),
]
