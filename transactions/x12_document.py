"""Documents for and from trading partners by X12: what came is kept and acknowledged, what is to go gets its control number.

A file is kept in one transaction: every set of it, and the 997 that answers its group. What is kept is carried out afterwards,
each set on its own. A document of ours is written in the transaction that makes it due. It stays open until its partner has
acknowledged it: a 997 that does not come, or rejects, opens an exception.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from channels.channel import Acknowledged, Message, Misfit
from database import exception, exchange, order, personal
from database import x12_document as statements
from database.connect import ReadConnection, WriteConnection
from database.exception import ClosingFact
from database.exchange import Numbered, subject_of
from database.sealing import Key
from database.x12_document import Due, Known, NewDocument
from domain.reasons import ExceptionCode
from domain.units import Opened
from formats.x12.acknowledgment import (
    CAME_BEFORE,
    CONTROL_NUMBER_INVALID,
    MEANINGS,
    MEANINGS_OF_INTERCHANGE,
    NEVER_ACKNOWLEDGED,
    NOT_SUPPORTED,
    SEGMENTS_IN_ERROR,
    TA1,
    TRAILER_MISSING,
    acknowledge,
    acknowledge_interchange,
)
from formats.x12.elements import whole
from formats.x12.partner import ONLY_SET, Partner, acknowledgment_alone, alone
from formats.x12.parts import GROUP_OF_SET, Fault, Group, Interchange, Set, texts
from formats.x12.read import CONTENT, NO_TRAILER_OF_SET, NotX12, read
from formats.x12.write import written
from transactions.transaction import OrderTransactions, Transaction

MISFIT, MISSING, REFUSED = (
    ExceptionCode.CHANNEL_MISFIT,
    ExceptionCode.ACKNOWLEDGMENT_MISSING,
    ExceptionCode.CHANNEL_REFUSED,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a file."""

    new: int = 0
    """Sets that were not kept before."""
    problems: tuple[str, ...] = ()
    """What cannot be kept: it is no X12, or none of this partner's. An exception is open about each."""


@dataclass(slots=True)
class _Found:
    """One group of a file, and what is sent back about it."""

    interchange: Interchange
    group: Group
    numbered: Sequence[Numbered]
    rejected: dict[int, str] = field(default_factory=dict)
    """By position, the code of AK502 for why a set is not taken."""

    @property
    def is_answered(self) -> bool:
        return any(one.code not in NEVER_ACKNOWLEDGED for one in self.group.sets)


async def keep_file(
    transactions: OrderTransactions,
    partner: Partner,
    takes: Mapping[str, Collection[str]],
    content: bytes,
    at: datetime,
) -> Kept:
    """Keep every set of a file, and write the 997 for each group. A file that came before has no effect but that its 997 is
    sent again, since its sender may have missed it.

    `takes` are the sets that are carried out, each with the segments that it cannot be without.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await statements.lock_partner(connection, partner.name)
        key = await personal.common_key(connection)
        try:
            interchanges = read(content)
        except NotX12 as error:
            return await _refuse(connection, partner, key, content, [f"it is no X12: {error}"], at)
        new, problems = 0, list[str]()
        for interchange in interchanges:
            if problem := _problem(partner, interchange):
                problems.append(problem.text)
                await _acknowledge(connection, partner, key, interchange, at, refused=problem.code)
            else:
                new += await _keep(connection, partner, takes, key, interchange, at)
        refused = await _refuse(connection, partner, key, content, problems, at)
        return Kept(new, refused.problems)


def _problem(partner: Partner, interchange: Interchange) -> Fault | None:
    if problem := partner.stranger(interchange):
        return problem
    if not any(group.sets for group in interchange.groups) and not interchange.acknowledgments:
        return Fault(CONTENT, f"interchange {interchange.control} holds no set")
    return None


async def _acknowledge(
    connection: WriteConnection,
    partner: Partner,
    key: Key,
    interchange: Interchange,
    at: datetime,
    *,
    refused: str | None = None,
    faults: Sequence[str] = (),
) -> None:
    """Write the TA1 of an interchange, where it is agreed or asked for, or send it again where the same one came before."""
    if partner.asks_for_ta1(interchange):
        one = acknowledge_interchange(interchange, refused, faults)
        content = "\n".join(
            line for group in interchange.groups for each in group.sets for line in texts(each.segments)
        )
        named = f"{TA1} {interchange.control} {key.fingerprint(f'{texts(one.segments)} {content}')[:16]}"
        await _write_or_send_again(connection, partner, one, named, at)


async def _refuse(
    connection: WriteConnection, partner: Partner, key: Key, content: bytes, problems: Sequence[str], at: datetime
) -> Kept:
    """Open an exception about what of a file cannot be kept; the same file opens none again."""
    if problems:
        detail = f"a file of {partner.name} cannot be taken: {'; '.join(problems)}; it lies in failed/"
        cause = f"file {key.fingerprint(content.hex())}"
        opened = [Opened(MISFIT, detail, subject=f"file of {partner.name}")]
        await exception.open_all(connection, opened, order=None, cause=cause, at=at, about=partner.name)
    return Kept(problems=tuple(problems))


async def _keep(
    connection: WriteConnection,
    partner: Partner,
    takes: Mapping[str, Collection[str]],
    key: Key,
    interchange: Interchange,
    at: datetime,
) -> int:
    found = [_found(interchange, group, takes, key) for group in interchange.groups]
    loose = [_ta1(interchange, index, key) for index in range(len(interchange.acknowledgments))]
    every = [one for group in found for one in group.numbered] + loose
    known = await exchange.digests(connection, partner.name, [one.event_id for one in every])
    new = [one for one in every if known.setdefault(one.event_id, one.digest) == one.digest]
    kept = await exchange.keep_numbered(connection, partner.name, new) if new else 0
    for group in found:
        for index, one in enumerate(group.numbered):
            if known[one.event_id] != one.digest:
                group.rejected[index] = CONTROL_NUMBER_INVALID
                kept += await _keep_reused(connection, partner, one, at)
        await _answer(connection, partner, key, group, at)
    is_reused = any(known[one.event_id] != one.digest for one in every)
    await _acknowledge(connection, partner, key, interchange, at, faults=[CAME_BEFORE] if is_reused else [])
    return kept


def _found(interchange: Interchange, group: Group, takes: Mapping[str, Collection[str]], key: Key) -> _Found:
    numbered = [_numbered(interchange, group, one, key) for one in group.sets]
    faults = {index: fault for index, one in enumerate(group.sets) if (fault := _fault(one, takes))}
    return _Found(interchange, group, numbered, faults)


def _numbered(interchange: Interchange, group: Group, one: Set, key: Key) -> Numbered:
    """A set under its sender's numbers; its fingerprint leaves the envelope out, which a repeat may have of another minute."""
    number = "/".join((interchange.control, group.control, one.code, one.control))
    digest = key.fingerprint("\n".join((number, *texts(one.segments))))
    return Numbered(number, digest, Message(one.code, alone(interchange, group, one)))


def _ta1(interchange: Interchange, index: int, key: Key) -> Numbered:
    one = interchange.acknowledgments[index]
    number = f"{interchange.control}/{TA1}/{index}"
    return Numbered(
        number, key.fingerprint(f"{number}\n{texts([one])[0]}"), Message(TA1, acknowledgment_alone(interchange, one))
    )


def _fault(one: Set, takes: Mapping[str, Collection[str]]) -> str | None:
    """Why a set is not taken, as AK502 has it; None = it is."""
    if NO_TRAILER_OF_SET in one.faults:
        return TRAILER_MISSING
    if one.code in NEVER_ACKNOWLEDGED:
        return None
    if one.code not in takes:
        return NOT_SUPPORTED
    names = {segment.name for segment in one.segments}
    return None if names.issuperset(takes[one.code]) else SEGMENTS_IN_ERROR


async def _keep_reused(connection: WriteConnection, partner: Partner, one: Numbered, at: datetime) -> int:
    """Keep a set whose number had another content before; a person decides whether it is carried out."""
    number = one.event_id
    reason = f"{one.message.topic} {number} came before with another content: its sender used a control number twice"
    other = Numbered(f"{number} {one.digest[:16]}", one.digest, one.message)
    kept = await exchange.keep_misfit(connection, partner.name, other, reason)
    if kept is None:
        return 0
    subject = subject_of(kept)
    opened = [Opened(MISFIT, f"what {partner.name} sent does not fit: {reason}", subject=subject)]
    await exception.open_all(
        connection, opened, order=None, cause=f"{subject} {at.isoformat()}", at=at, about=partner.name
    )
    return 1


async def _answer(connection: WriteConnection, partner: Partner, key: Key, found: _Found, at: datetime) -> None:
    """Write the 997 of a group, or send it again where the same group came before."""
    if not found.is_answered:
        return
    content = " ".join(one.digest for one in found.numbered)
    name = f"997 {found.interchange.control}/{found.group.control} {key.fingerprint(content)[:16]}"
    await _write_or_send_again(connection, partner, acknowledge(found.group, ONLY_SET, found.rejected), name, at)


async def _write_or_send_again(
    connection: WriteConnection, partner: Partner, one: Set, name: str, at: datetime
) -> None:
    control = await statements.control_of(connection, partner.name, name)
    if control is None:
        await write(connection, partner, one, name, at)
    else:
        await statements.send_again(connection, partner.name, control)


async def write(
    connection: WriteConnection,
    partner: Partner,
    one: Set,
    key: str,
    at: datetime,
    *,
    order: str | None = None,
    about: str | None = None,
) -> int:
    """Write a document for a partner in the caller's transaction, due now, and answer its control number. Another one under the
    same `key` is not written. Its order must be locked before.

    Raises `Unwritable` for a value that the standard has no room for.
    """
    known = await statements.control_of(connection, partner.name, key)
    if known is not None:
        return known
    control = await statements.next_control(connection, partner.name, partner.first_control)
    body = written(partner.envelope(one, control, at))
    await statements.add(connection, NewDocument(partner.name, control, one.code, key, order, about, body))
    return control


async def sent(transactions: OrderTransactions, partner: Partner, due: Due) -> None:
    """Note that a document lies in the mailbox."""
    within = None if due.code in (*NEVER_ACKNOWLEDGED, TA1) else partner.acknowledged_within
    async with transactions.database.at_once() as connection:
        await statements.sent(connection, due, within)


async def settle(transactions: OrderTransactions, partner: str, said: Acknowledged) -> Known | None:
    """Note what a partner says of a document of ours. A rejection opens an exception; what was open about its acknowledgment
    closes. Answers the document; None = only its envelope was taken, which says nothing of it.

    Raises `Misfit` when it was sent no such document.
    """
    async with transactions.database.read() as connection:
        known = await _named(connection, partner, said)
    async with transactions.begin() as transaction:
        if known.order is not None:
            await order.lock(transaction.connection, known.order)
        if said.function is None and said.is_accepted:
            return None  # the envelope of it is well; whether its set is, a 997 says
        await statements.answered(transaction.connection, known, said.verdict)
        await _tell_of_answer(transaction, known, said)
    return known


async def _named(connection: ReadConnection, partner: str, said: Acknowledged) -> Known:
    known = await statements.find(connection, partner, whole(said.control) or 0)
    if known is None or said.function not in (None, GROUP_OF_SET.get(known.code)):
        what = f"group {said.function} {said.control}" if said.function else f"interchange {said.control}"
        raise Misfit(f"it acknowledges {what}, and {partner} was sent none of this number")
    return known


async def _tell_of_answer(transaction: Transaction, known: Known, said: Acknowledged) -> None:
    at, connection = datetime.now(UTC), transaction.connection
    fact = ClosingFact(f"{known.name} {said.verdict}", f"partner:{known.partner}", at)
    codes = [MISSING, REFUSED] if said.is_accepted else [MISSING]
    closed = [await exception.close_about(connection, known.order, code, [known.name], fact) for code in codes]
    if said.verdict == "E":
        await _tell_of_errors(transaction, known, said, at)
    if not said.is_accepted:
        whole = "the interchange with " if said.function is None else ""
        detail = f"{known.partner} rejects {whole}{_named_in_words(known)}{_why(said)}: {_after_rejection(known)}"
        await _open(transaction, known, REFUSED, detail, at)
    if known.order is not None and (any(closed) or not said.is_accepted):
        await transaction.changed(known.order)


async def _tell_of_errors(transaction: Transaction, known: Known, said: Acknowledged, at: datetime) -> None:
    """Tell a person that a document was taken although it has errors: once for each kind of document, since the next ones are
    likely to have the same."""
    subject = f"{known.partner} {known.code}"
    if await exception.is_open_about(transaction.connection, REFUSED, subject):
        return
    detail = (
        f"{known.partner} has taken {_named_in_words(known)} and noted errors{_why(said)}: ask whether they matter, and resolve"
        f". Until then no other {known.code} with errors is named"
    )
    opened, cause = [Opened(REFUSED, detail, subject=subject)], f"{known.name} {at.isoformat()}"
    await exception.open_all(transaction.connection, opened, order=None, cause=cause, at=at, about=known.partner)


def _named_in_words(known: Known) -> str:
    order = f" of {known.order}" if known.order else ""
    return f"{known.code} {known.control}{order}"


def _why(said: Acknowledged) -> str:
    meanings = MEANINGS_OF_INTERCHANGE if said.function is None else MEANINGS
    named = [f"{code}: {meanings[code]}" if code in meanings else code for code in said.codes]
    return f" ({'; '.join(named)})" if named else ""


def _after_rejection(known: Known) -> str:
    is_work = known.code == "940"
    return "it does not do this work; correct the cause" if is_work else "correct the cause and send it again"


async def _open(transaction: Transaction, known: Known, code: ExceptionCode, detail: str, at: datetime) -> None:
    """Open an exception about a document, instead of an earlier one of the same code."""
    fact = ClosingFact(f"{known.name} {known.tries}", f"partner:{known.partner}", at)
    await exception.close_about(transaction.connection, known.order, code, [known.name], fact)
    opened = [Opened(code, detail, known.about, subject=known.name)]
    cause = f"{known.name} {at.isoformat()}"
    await exception.open_all(transaction.connection, opened, order=known.order, cause=cause, at=at, about=known.partner)


async def look_for_answers(transactions: OrderTransactions, partner: Partner) -> None:
    """Open an exception for each document whose acknowledgment is late; send it again instead, once, where that is agreed."""
    async with transactions.database.read() as connection:
        late = await statements.late(connection, partner.name)
    for known in late:
        async with transactions.begin() as transaction:
            if known.order is not None:
                await order.lock(transaction.connection, known.order)
            await _miss(transaction, partner, known)


async def _miss(transaction: Transaction, partner: Partner, known: Known) -> None:
    connection, at = transaction.connection, datetime.now(UTC)
    if partner.may_send_again(known.code) and known.tries == 1:
        await statements.send_late_again(connection, known)
        return
    if not await statements.missed(connection, known):
        return
    waited = at - known.sent_at if known.sent_at else partner.acknowledged_within
    detail = (
        f"{partner.name} has not acknowledged {known.code} {known.control} within {_hours(waited.total_seconds())}: "
        f"ask whether it came, then send it again"
    )
    await _open(transaction, known, MISSING, detail, at)
    if known.order is not None:
        await transaction.changed(known.order)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.0f} hours" if seconds >= 7200 else f"{seconds / 60:.0f} minutes"
