"""Looks at a label that is to be given back because its work ended, before its carrier is called."""

from database import label, order
from database.label import StoredLabel
from domain.label import LabelState, Use, is_unused, why_kept
from transactions.label import open_exception
from transactions.transaction import OrderTransactions

NOT_ANSWERED = (
    "was asked to take it back and has not answered, and its parcel has left since: look there whether it is valid"
)


async def may_go_back(transactions: OrderTransactions, stored: StoredLabel) -> bool:
    """Whether a label is still to be given back.

    The parcel of ended work may have left in the meantime, as when a node reports late that it has shipped what it was asked to
    cancel. Then the label stays. It stays as well when its carrier has scanned a parcel with it, and a person learns of that.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await order.lock(connection, stored.order)
        now = await label.find(connection, stored.label)
        if now is None or now.state is not LabelState.BOUGHT or now.void_wanted_at is None:
            return False
        use = await label.use_of(connection, now)
        if not now.is_unused or is_unused(use):
            return True
        await label.keep_bought(connection, now.label)
        if why := _why(stored, use):
            await open_exception(transaction, now, why)
        return False


def _why(stored: StoredLabel, use: Use) -> str | None:
    return NOT_ANSWERED if stored.void_called_at is not None else why_kept(use)
