"""Documents with trading partners on real PostgreSQL: kept once, acknowledged, numbered, and missed when no answer comes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from channels.channel import Acknowledged, Misfit
from database import exchange
from database import x12_document as statements
from database.connect import Database
from database.x12_document import Due
from formats.x12.partner import Partner
from formats.x12.parts import Party, Segment, Set, texts
from formats.x12.read import read
from tests.database.shop import Shop
from transactions import x12_document
from transactions.x12_document import Kept

AT = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
TAKES = {"850": ("BEG", "PO1")}
ACME = Partner("acme", Party("12", "5551234567"), Party("ZZ", "ACME"))
ISA = "ISA*00*          *00*          *ZZ*ACME           *12*5551234567     *261130*0815*U*00401*{control}*0*P*>~"
ORDER = "ST*850*{number}~BEG*00*SA*{order}**20261130~PO1*1*2*EA*9.95**UP*036000291452~SE*4*{number}~"


def file(*orders: str, control: int = 42, end: str | None = None) -> bytes:
    """A file of one group with an 850 for each order."""
    sets = "".join(ORDER.format(number=f"{number:04d}", order=order) for number, order in enumerate(orders, 1))
    trailer = f"GE*{len(orders)}*{control}~IEA*1*{control:09d}~" if end is None else end
    group = f"GS*PO*ACME*5551234567*20261130*0815*{control}*X*004010~"
    return f"{ISA.format(control=f'{control:09d}')}{group}{sets}{trailer}".encode()


@pytest_asyncio.fixture
async def shop(database: Database) -> Shop:
    """The transactions of one process."""
    return await Shop.open(database)


async def keep(shop: Shop, content: bytes, partner: Partner = ACME) -> Kept:
    """Keep a file that came."""
    return await x12_document.keep_file(shop.transactions, partner, TAKES, content, AT)


async def due(shop: Shop, partner: Partner = ACME, *, is_sent: bool = True) -> list[Due]:
    """The documents that are due, which are put into the mailbox."""
    async with shop.database.at_once() as connection:
        found = await statements.claim(connection, partner.name, 100, timedelta(minutes=1))
    for one in found if is_sent else ():
        await x12_document.sent(shop.transactions, partner, one)
    return list(found)


def segments(document: Due) -> Sequence[str]:
    """The segments of a document's set."""
    (interchange,) = read(document.body)
    ((one,),) = [group.sets for group in interchange.groups]
    return texts(one.segments)


async def rows(shop: Shop, statement: str) -> list[tuple[object, ...]]:
    """What a query finds."""
    async with shop.database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def exchanges(shop: Shop) -> list[tuple[object, ...]]:
    """The topic and state of everything that came."""
    return await rows(shop, "SELECT topic, state FROM exchange ORDER BY exchange_id")


async def exceptions(shop: Shop) -> list[tuple[object, ...]]:
    """The code and detail of the open exceptions."""
    return await rows(shop, "SELECT code, detail FROM exception WHERE resolved_at IS NULL ORDER BY since")


async def write(shop: Shop, key: str, code: str = "856", partner: Partner = ACME, order: str | None = None) -> int:
    """Write a document of ours."""
    one = Set(code, "0001", (Segment.of("BSN", "00", key),))
    async with shop.database.write() as connection:
        return await x12_document.write(connection, partner, one, key, AT, order=order)


async def test_every_set_of_a_file_is_kept_and_one_997_answers_them(shop: Shop) -> None:
    assert await keep(shop, file("4500017", "4500018")) == Kept(2)

    assert await exchanges(shop) == [("850", "kept"), ("850", "kept")]
    (answer,) = await due(shop)
    assert (answer.code, answer.control, answer.file) == ("997", 1, "997-000000001.edi")
    assert segments(answer) == [
        *("AK1*PO*42", "AK2*850*0001", "AK5*A", "AK2*850*0002", "AK5*A", "AK9*A*2*2*2"),
    ]
    (interchange,) = read(answer.body)
    assert (interchange.sender, interchange.receiver) == (ACME.us, ACME.them)


async def test_each_set_can_be_read_alone_as_it_came(shop: Shop) -> None:
    content = file("4500017", "4500018").decode().replace("*", "|").replace("~", "'").replace("UP|", "UP|Größe ")
    await keep(shop, content.encode("latin-1"))

    async with shop.database.at_once() as connection:
        kept = await exchange.claim(connection, "acme", 10, timedelta(minutes=1))
    messages = [one.message.body for one in kept if one.message]
    sets = [read(body)[0].groups[0].sets for body in messages]
    assert [[texts(one.segments)[0] for one in found] for found in sets] == [
        ["BEG*00*SA*4500017**20261130"],
        ["BEG*00*SA*4500018**20261130"],
    ]
    assert "Größe" in messages[0].decode()


async def test_the_same_file_twice_is_one_effect_and_its_997_is_sent_again(shop: Shop) -> None:
    await keep(shop, file("4500017"))
    (first,) = await due(shop)

    assert await keep(shop, file("4500017")) == Kept(0)

    assert await exchanges(shop) == [("850", "kept")]
    assert await due(shop) == [first]
    assert await exceptions(shop) == []


async def test_the_same_file_in_two_processes_at_once_is_one_effect(shop: Shop) -> None:
    found = await asyncio.gather(*(keep(shop, file("4500017", "4500018")) for _ in range(4)))

    assert sorted(one.new for one in found) == [0, 0, 0, 2]
    assert len(await exchanges(shop)) == 2
    assert [one.code for one in await due(shop)] == ["997"]


async def test_a_control_number_that_was_used_for_another_content_is_rejected_and_a_person_decides(shop: Shop) -> None:
    await keep(shop, file("4500017"))
    await due(shop)

    assert await keep(shop, file("4500099")) == Kept(1)
    assert await keep(shop, file("4500099")) == Kept(0)

    assert await exchanges(shop) == [("850", "kept"), ("850", "misfit")]
    (answer,) = await due(shop)
    assert segments(answer) == ["AK1*PO*42", "AK2*850*0001", "AK5*R*7", "AK9*R*1*1*0"]
    ((code, detail),) = await exceptions(shop)
    assert code == "channel_misfit"
    assert "850 000000042/42/850/0001 came before with another content" in str(detail)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (("PO1*1*2*EA*9.95**UP*036000291452~", ""), ["AK5*R*4*5", "AK9*R*1*1*0"]),
        (("ST*850*0001", "ST*830*0001"), ["AK5*R*1", "AK9*R*1*1*0"]),
        (("SE*4*0001", "SE*9*0001"), ["AK5*E*4", "AK9*E*1*1*1"]),
        (("SE*4*0001~GE*1*42~IEA*1*000000042~", ""), ["AK5*R*2", "AK9*R*1*1*0*3"]),
    ],
)
async def test_the_997_says_what_is_wrong_with_a_set(shop: Shop, change: tuple[str, str], verdict: list[str]) -> None:
    await keep(shop, file("4500017").decode().replace(*change).encode())

    (answer,) = await due(shop)
    assert segments(answer)[2:] == verdict
    assert await exchanges(shop) == [("830" if "830" in change[1] else "850", "kept")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{}", "it is no X12: an interchange begins with ISA, not with '{}'"),
        (file("1").replace(b"ZZ*ACME ", b"ZZ*OTHER"), "ISA05/06 is ZZ:OTHER, and acme has ZZ:ACME there"),
        (file("1").replace(b"*0*P*>", b"*0*T*>"), "it is marked as a test (ISA15 is T), and acme does not test"),
        (file(), "interchange 000000042 holds no set"),
    ],
)
async def test_a_file_that_cannot_be_taken_is_one_exception_however_often_it_comes(
    shop: Shop, content: bytes, problem: str
) -> None:
    assert await keep(shop, content) == Kept(0, (problem,))
    assert await keep(shop, content) == Kept(0, (problem,))

    assert await exceptions(shop) == [
        ("channel_misfit", f"a file of acme cannot be taken: {problem}; it lies in failed/")
    ]
    assert await exchanges(shop) == []
    assert await due(shop) == []


async def test_a_stranger_in_a_file_does_not_sink_the_others(shop: Shop) -> None:
    strange = file("4500019", control=43).replace(b"ZZ*ACME ", b"ZZ*OTHER")

    kept = await keep(shop, file("4500017") + strange + file("4500018", control=44))

    assert (kept.new, len(kept.problems)) == (2, 1)
    assert len(await exchanges(shop)) == 2


async def test_acknowledgments_are_kept_and_never_answered(shop: Shop) -> None:
    group = "GS*FA*ACME*5551234567*20261130*0815*42*X*004010~"
    ack = f"{group}ST*997*0001~AK1*SH*1~AK9*A*1*1*1~SE*4*0001~GE*1*42~"
    head = ISA.format(control="000000042")
    await keep(shop, f"{head}TA1*000000007*261130*0815*A*000~{ack}IEA*1*000000042~".encode())

    assert await exchanges(shop) == [("997", "kept"), ("TA1", "kept")]
    assert await due(shop) == []


async def test_control_numbers_rise_without_a_gap_and_each_partner_has_its_own(shop: Shop) -> None:
    other = replace(ACME, name="other", first_control=5000)

    numbers = await asyncio.gather(*(write(shop, f"k{number}") for number in range(8)))

    assert sorted(numbers) == list(range(1, 9))
    assert [await write(shop, "a", partner=other), await write(shop, "b", partner=other)] == [5000, 5001]
    assert await write(shop, "k0") == numbers[0], "the same document is written once"


async def test_a_document_that_was_not_put_into_the_mailbox_is_due_again_as_it_was(shop: Shop) -> None:
    await write(shop, "k1")
    (first,) = await due(shop, is_sent=False)
    assert await due(shop) == []

    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE x12_document SET due_at = clock_timestamp()"))

    assert await due(shop) == [first]
    assert await due(shop) == []


ACCEPTED, REJECTED = Acknowledged("SH", "000000001", "A"), Acknowledged("SH", "1", "R", ("5",))


async def test_a_997_settles_the_document_that_it_names(shop: Shop) -> None:
    await write(shop, "k1")
    await due(shop)

    await x12_document.settle(shop.transactions, "acme", ACCEPTED)

    assert await rows(shop, "SELECT verdict, answer_by, answered_at IS NULL FROM x12_document") == [("A", None, False)]


@pytest.mark.parametrize(
    "said", [Acknowledged("SH", "2", "A"), Acknowledged("PR", "1", "A"), Acknowledged("SH", "x", "A")]
)
async def test_a_997_for_what_was_never_sent_does_not_fit(shop: Shop, said: Acknowledged) -> None:
    await write(shop, "k1")

    with pytest.raises(Misfit, match=f"group {said.function} {said.control}, and acme was sent none"):
        await x12_document.settle(shop.transactions, "acme", said)


@pytest.fixture
def impatient() -> Partner:
    """A partner whose acknowledgment is late at once."""
    return replace(ACME, acknowledged_within=timedelta(0))


async def test_a_997_that_does_not_come_is_an_exception_until_it_comes(shop: Shop, impatient: Partner) -> None:
    order = await shop.place(("CHAIR", 1))
    await write(shop, "k1", order=order)
    await due(shop, impatient)

    for _ in range(2):
        await x12_document.look_for_answers(shop.transactions, impatient)

    detail = "acme has not acknowledged 856 1 within 0 minutes: ask whether it came, then send it again"
    assert await exceptions(shop) == [("acknowledgment_missing", detail)]
    await x12_document.settle(shop.transactions, "acme", ACCEPTED)
    assert await exceptions(shop) == []


async def test_what_was_missed_is_sent_again_when_a_person_asks_and_missed_again(
    shop: Shop, impatient: Partner
) -> None:
    await write(shop, "k1")
    (first,) = await due(shop, impatient)
    await x12_document.look_for_answers(shop.transactions, impatient)

    async with shop.database.write() as connection:
        assert await statements.retry(connection, "acme") == 1
    assert await due(shop, impatient) == [first]
    await x12_document.look_for_answers(shop.transactions, impatient)

    assert len(await exceptions(shop)) == 1


@pytest.mark.parametrize(("code", "is_sent"), [("856", True), ("810", False), ("940", False)])
async def test_only_where_it_is_agreed_a_document_is_sent_again_by_itself_and_never_an_invoice(
    shop: Shop, impatient: Partner, code: str, is_sent: bool
) -> None:
    partner = replace(impatient, sends_again=True)
    await write(shop, "k1", code)
    (first,) = await due(shop, partner)

    await x12_document.look_for_answers(shop.transactions, partner)

    assert await due(shop, partner) == ([first] if is_sent else [])
    await x12_document.look_for_answers(shop.transactions, partner)
    assert [code for code, _ in await exceptions(shop)] == ["acknowledgment_missing"]


async def test_a_rejected_document_is_an_exception_until_it_is_accepted(shop: Shop) -> None:
    await write(shop, "k1")
    (first,) = await due(shop)

    await x12_document.settle(shop.transactions, "acme", REJECTED)

    assert await exceptions(shop) == [
        ("channel_refused", "acme rejects 856 1 (5: segments of it are in error): correct the cause and send it again")
    ]
    async with shop.database.write() as connection:
        assert await statements.retry(connection, "acme") == 1
    assert await due(shop) == [first]
    await x12_document.settle(shop.transactions, "acme", ACCEPTED)
    assert await exceptions(shop) == []


async def test_a_rejected_envelope_is_a_rejection_and_an_accepted_one_says_nothing_of_the_document(shop: Shop) -> None:
    await write(shop, "k1")
    await due(shop)

    await x12_document.settle(shop.transactions, "acme", Acknowledged(None, "000000001", "A"))
    assert await rows(shop, "SELECT verdict FROM x12_document") == [(None,)]

    await x12_document.settle(shop.transactions, "acme", Acknowledged(None, "000000001", "R", ("006",)))
    said = "acme rejects the interchange with 856 1 (006: its sender is unknown): correct the cause and send it again"
    assert await exceptions(shop) == [("channel_refused", said)]


async def test_a_document_that_is_taken_with_errors_is_named_with_its_order_once_and_not_sent_again(shop: Shop) -> None:
    order = await shop.place(("CHAIR", 1))
    for key in ("k1", "k2"):
        await write(shop, key, order=order)
    await due(shop)

    for control in ("1", "2"):
        await x12_document.settle(shop.transactions, "acme", Acknowledged("SH", control, "E", ("5", "99")))

    said = f"acme has taken 856 1 of {order} and noted errors (5: segments of it are in error; 99): ask whether they matter"
    [(code, detail)] = await exceptions(shop)
    assert (code, str(detail).startswith(said)) == ("channel_refused", True)
    async with shop.database.write() as connection:
        assert await statements.retry(connection, "acme") == 0


async def test_a_rejection_names_the_order_and_what_the_codes_mean(shop: Shop) -> None:
    order = await shop.place(("CHAIR", 1))
    await write(shop, "k1", "810", order=order)
    await due(shop)
    await x12_document.settle(shop.transactions, "acme", Acknowledged("IN", "1", "R", ("7", "99")))
    said = f"acme rejects 810 1 of {order} (7: its control number is missing or wrong; 99): correct the cause and send it again"
    assert await exceptions(shop) == [("channel_refused", said)]
    assert await rows(shop, "SELECT order_id FROM exception") == [(order,)]
