"""The shadow: how a network that is not applied would have decided, and promoting or stopping it."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from api.problems import NOT_FOUND, REFUSED, Problem
from console.policy import difference
from console.visit import Visit, number_seen, page
from database.connect import ReadConnection
from database.documents import shadow as documents
from domain.role import Role
from transactions import network_version
from transactions import shadow as shadows
from transactions.network_version import NetworkRefused, OtherVersion
from transactions.shadow import NoShadow

Document = Mapping[str, Any]

ACTS: Mapping[str, str] = {"promote": "Promote the shadow", "stop": "Stop the shadow"}
"""The titles of the acts, by the last part of their address."""


async def _show(visit: Visit) -> Response:
    """The shadow that runs, or the one that ended last."""
    async with visit.service.database.read() as connection:
        found = (await documents.report(connection))["shadow"]
    return visit.shown("shadow.html", shadow=found)


async def _ask(visit: Visit) -> Response:
    """What the act would do now. Nothing is done."""
    return await _asked(visit)


async def _asked(visit: Visit, mistake: str = "", status: int = 200) -> Response:
    act = _act(visit)
    async with visit.service.database.read() as connection:
        found = (await documents.report(connection))["shadow"]
        if found is None or found["outcome"]:
            raise Problem(REFUSED, mistake or "no shadow runs now")
        judged = await _judged(visit, connection, found["number"]) if act == "promote" else {}
    return visit.shown("act_on_shadow.html", status, shadow=found, act=act, title=ACTS[act], mistake=mistake, **judged)


async def _judged(visit: Visit, connection: ReadConnection, shadow: int) -> dict[str, Any]:
    """What promoting it would change in the active version, and why it would be refused."""
    active, _ = await visit.service.networks.active(connection)
    before = await network_version.documents_of(connection, active)
    wanted = await shadows.files_of(connection, shadow)
    judged = await network_version.judged(connection, before, wanted)
    accepted = visit.form.all("accept")
    return {
        "active": active,
        "judged": judged,
        "accepted": accepted,
        "refused": judged.refusals(accepted),
        "difference": difference(before.policy, wanted.policy),
    }


def _act(visit: Visit) -> str:
    act: str = visit.request.path_params["act"]
    if act not in ACTS:
        raise Problem(NOT_FOUND, "there is no such page")
    return act


async def _do(visit: Visit) -> Response:
    """Promote or stop the shadow that the operator saw."""
    database, shadow = visit.service.database, number_seen(visit.form, "shadow")
    try:
        if _act(visit) == "stop":
            await shadows.stop(database, shadow)
            return RedirectResponse("/console/policy/shadow", 303)
        version = await shadows.promote(
            database,
            seen=shadow,
            over=number_seen(visit.form, "seen"),
            actor=visit.holder.actor,
            accepted=visit.form.all("accept"),
        )
    except NoShadow:
        return await _asked(visit, "This shadow does not run any more, and nothing was done.", REFUSED.status)
    except OtherVersion:
        changed = "Another version was applied since you looked, and nothing was done. Look at the differences again."
        return await _asked(visit, changed, REFUSED.status)
    except NetworkRefused as error:
        return await _asked(visit, "It was refused: " + "; ".join(error.lines), REFUSED.status)
    return RedirectResponse(f"/console/policy?applied={version}", 303)


ROUTES = [
    page("/policy/shadow", _show),
    page("/policy/shadow/{act}", _ask, role=Role.ADMIN),
    page("/policy/shadow/{act}", _do, ("POST",), Role.ADMIN),
]
