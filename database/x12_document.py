"""Named statements about documents for trading partners: each has a control number that only rises, and a sealed body."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection


async def lock_partner(connection: WriteConnection, partner: str) -> None:
    """Let no other transaction keep a file of this partner until this one ends."""
    await connection.execute(LOCK_PARTNER, {"partner": partner})


LOCK_PARTNER = text("SELECT pg_advisory_xact_lock(hashtextextended(:partner, 19))")


async def next_control(connection: WriteConnection, partner: str, first: int) -> int:
    """The next control number for a partner. No other transaction gets one until this one ends, so they rise as they are
    committed, and a transaction that fails leaves no gap."""
    return int((await connection.execute(NEXT_CONTROL, {"partner": partner, "first": first})).scalar_one())


NEXT_CONTROL = text(
    """
    INSERT INTO x12_control (partner, last) VALUES (:partner, :first)
    ON CONFLICT (partner) DO UPDATE SET last = greatest(x12_control.last + 1, excluded.last) RETURNING last
    """
)


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to send."""

    partner: str
    control: int
    code: str
    key: str
    """What a second document about the same would have, too."""
    order: str | None
    about: str | None
    body: bytes = field(repr=False)


async def add(connection: WriteConnection, new: NewDocument) -> None:
    """Keep a document to send, due now."""
    common = await personal.common_key(connection)
    parameters = {
        "partner": new.partner,
        "control": new.control,
        "code": new.code,
        "key": new.key,
        "order": new.order,
        "about": new.about,
        "body": common.seal_bytes("x12_document", new.body),
    }
    await connection.execute(ADD, parameters)


ADD = text(
    """
    INSERT INTO x12_document (partner, control, code, key, order_id, about, body, due_at)
    VALUES (:partner, :control, :code, :key, :order, :about, :body, clock_timestamp())
    """
)


async def control_of(connection: ReadConnection, partner: str, key: str) -> int | None:
    """The control number of the document that a partner is sent under a key; None = there is none."""
    found: int | None = (await connection.execute(CONTROL_OF, {"partner": partner, "key": key})).scalar_one_or_none()
    return found


CONTROL_OF = text("SELECT control FROM x12_document WHERE partner = :partner AND key = :key")


async def keys_about(connection: ReadConnection, partner: str, code: str) -> Sequence[tuple[str, str]]:
    """The keys of the documents of a code that a partner is sent about fulfillment orders, each with its fulfillment order."""
    rows = await connection.execute(KEYS_ABOUT, {"partner": partner, "code": code})
    return [(row.key, row.about) for row in rows]


KEYS_ABOUT = text("SELECT key, about FROM x12_document WHERE partner = :partner AND code = :code AND about IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Known:
    """A document as it was sent, and what its partner answered."""

    partner: str
    control: int
    code: str
    key: str
    order: str | None
    about: str | None
    tries: int
    """How often it was put into the mailbox."""
    verdict: str | None
    """A, E, P or R; None = it was not acknowledged."""
    sent_at: datetime | None
    missed_at: datetime | None

    @property
    def name(self) -> str:
        """How an exception names it."""
        return f"{self.partner} {self.code} {self.control}"


_KNOWN = 'partner, control, code, key, order_id AS "order", about, tries, verdict, sent_at, missed_at'


async def find(connection: ReadConnection, partner: str, control: int) -> Known | None:
    """A document by its control number; None = a partner was sent none of this number."""
    row = (await connection.execute(FIND, {"partner": partner, "control": control})).one_or_none()
    return None if row is None else Known(**row._mapping)


FIND = text(f"SELECT {_KNOWN} FROM x12_document WHERE partner = :partner AND control = :control")


async def find_by_key(connection: ReadConnection, partner: str, key: str) -> Known | None:
    """A document by its key; None = there is none."""
    row = (await connection.execute(FIND_BY_KEY, {"partner": partner, "key": key})).one_or_none()
    return None if row is None else Known(**row._mapping)


FIND_BY_KEY = text(f"SELECT {_KNOWN} FROM x12_document WHERE partner = :partner AND key = :key")


@dataclass(frozen=True, slots=True)
class Due:
    """A document to put into the mailbox."""

    partner: str
    control: int
    code: str
    body: bytes = field(repr=False)

    @property
    def file(self) -> str:
        """The name of its file: the same whenever it is sent, so that a repeat takes its place."""
        return f"{self.code}-{self.control:09d}.edi"


async def claim(connection: WriteConnection, partner: str, limit: int, lease: timedelta) -> Sequence[Due]:
    """Take due documents of a partner, by control number; they are due again after `lease`."""
    common = await personal.common_key(connection)
    rows = await connection.execute(CLAIM, {"partner": partner, "limit": limit, "lease": lease})
    return [
        Due(partner, row.control, row.code, common.open_bytes("x12_document", row.body))
        for row in sorted(rows, key=lambda row: row.control)
    ]


CLAIM = text(
    """
    UPDATE x12_document SET due_at = clock_timestamp() + CAST(:lease AS interval)
    WHERE (partner, control) IN (
        SELECT partner, control FROM x12_document
        WHERE partner = :partner AND due_at <= clock_timestamp() AND body IS NOT NULL
        ORDER BY control LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING control, code, body
    """
)


async def give_back(connection: WriteConnection, partner: str, controls: Sequence[int]) -> None:
    """Let claimed documents be due now that could not be put into the mailbox; those that were put there stay."""
    await connection.execute(GIVE_BACK, {"partner": partner, "controls": list(controls)})


GIVE_BACK = text(
    """
    UPDATE x12_document SET due_at = clock_timestamp()
    WHERE partner = :partner AND control = ANY(CAST(:controls AS bigint[])) AND due_at > clock_timestamp()
    """
)


async def sent(connection: WriteConnection, due: Due, answer_within: timedelta | None) -> None:
    """Note that a document lies in the mailbox; its acknowledgment is late after `answer_within`, None = it gets none."""
    parameters = {"partner": due.partner, "control": due.control, "within": answer_within}
    await connection.execute(SENT, parameters)


SENT = text(
    """
    UPDATE x12_document SET due_at = NULL, sent_at = clock_timestamp(), tries = tries + 1,
        answer_by = CASE WHEN answered_at IS NULL THEN clock_timestamp() + CAST(:within AS interval) END
    WHERE partner = :partner AND control = :control
    """
)


async def answered(connection: WriteConnection, known: Known, verdict: str) -> None:
    """Note what a partner says of a document."""
    parameters = {"partner": known.partner, "control": known.control, "verdict": verdict}
    await connection.execute(ANSWERED, parameters)


ANSWERED = text(
    """
    UPDATE x12_document SET answered_at = clock_timestamp(), verdict = :verdict, answer_by = NULL, missed_at = NULL
    WHERE partner = :partner AND control = :control
    """
)


async def late(connection: ReadConnection, partner: str) -> Sequence[Known]:
    """The documents of a partner whose acknowledgment is late, and about which nobody was asked yet."""
    return [Known(**row._mapping) for row in await connection.execute(LATE, {"partner": partner})]


LATE = text(
    f"""
    SELECT {_KNOWN} FROM x12_document WHERE partner = :partner AND answer_by <= clock_timestamp() ORDER BY control
    """
)


async def missed(connection: WriteConnection, known: Known) -> bool:
    """Note that a person is asked to look for an acknowledgment; False when it has come, or the document was sent again."""
    parameters = {"partner": known.partner, "control": known.control}
    return (await connection.execute(MISSED, parameters)).rowcount > 0


MISSED = text(
    """
    UPDATE x12_document SET answer_by = NULL, missed_at = coalesce(missed_at, clock_timestamp())
    WHERE partner = :partner AND control = :control AND answer_by <= clock_timestamp()
    """
)


async def send_late_again(connection: WriteConnection, known: Known) -> None:
    """Put a document into the mailbox once more, unless its acknowledgment has come."""
    await connection.execute(SEND_LATE_AGAIN, {"partner": known.partner, "control": known.control})


SEND_LATE_AGAIN = text(
    """
    UPDATE x12_document SET due_at = clock_timestamp(), answer_by = NULL
    WHERE partner = :partner AND control = :control AND answer_by <= clock_timestamp() AND body IS NOT NULL
    """
)


async def send_again(connection: WriteConnection, partner: str, control: int) -> bool:
    """Put a document into the mailbox once more, as it was; False when it was erased."""
    return (await connection.execute(SEND_AGAIN, {"partner": partner, "control": control})).rowcount > 0


SEND_AGAIN = text(
    """
    UPDATE x12_document SET due_at = clock_timestamp(), answer_by = NULL
    WHERE partner = :partner AND control = :control AND body IS NOT NULL
    """
)


async def retry(connection: WriteConnection, partner: str) -> int:
    """Send everything of a partner again whose acknowledgment was missed, or was a rejection; answers how much that is. A 940
    that was rejected is not sent again: its units may be with another node."""
    return (await connection.execute(RETRY, {"partner": partner})).rowcount


RETRY = text(
    """
    UPDATE x12_document SET due_at = clock_timestamp(), answer_by = NULL, answered_at = NULL, verdict = NULL
    WHERE partner = :partner AND body IS NOT NULL AND due_at IS NULL
      AND (missed_at IS NOT NULL OR (verdict IN ('P', 'R') AND code <> '940'))
    """
)
