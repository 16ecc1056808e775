"""The table of jobs: what the service does by itself, how often, and which function does it."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from jobs import backorder, cart, exception, pause, shortage
from jobs.driver import Job, Lane
from jobs.relay import Relay
from jobs.webhook import WebhookSender
from transactions.backorder import Backorders
from transactions.pause import Pauses
from transactions.transaction import OrderTransactions

STOCK = "stock"
"""The lane that follows every change of stock: run it soon after one."""
WEBHOOKS = "webhooks"

SECOND = timedelta(seconds=1)
HALF_A_MINUTE = timedelta(seconds=30)
"""With the minute that a workflow is given, what is due is done within two minutes, also where the workflow is gone."""
MINUTE = timedelta(minutes=1)


def schedule(transactions: OrderTransactions, relay: Relay, sender: WebhookSender) -> Sequence[Lane]:
    """Every job of the service. In the lane of stock the turns come last: they use what the others free."""
    backorders, pauses = Backorders(transactions), Pauses(transactions)
    return (
        Lane(
            "signals",
            SECOND,
            (
                Job("send_overdue_signals", relay.send_overdue),
                Job("start_orders", relay.start_unstarted),
            ),
        ),
        Lane("sweep", HALF_A_MINUTE, (Job("sweep", relay.sweep),)),
        Lane(
            STOCK,
            SECOND,
            (
                Job("offer_under_new_rules", partial(backorder.offer_under_new_rules, backorders)),
                Job("source_shortages_again", partial(shortage.source_again, transactions)),
                Job("clear_paused_nodes", partial(pause.clear_nodes, pauses)),
                Job("free_lapsed_carts", partial(cart.free_lapsed, transactions)),
                Job("give_turns", partial(backorder.give_turns, backorders)),
            ),
        ),
        Lane(
            "exceptions",
            MINUTE,
            (
                Job("escalate_exceptions", partial(exception.escalate, transactions)),
                Job("open_at_risk", partial(exception.open_at_risk, transactions)),
            ),
        ),
        Lane(WEBHOOKS, SECOND, (Job("call_channels", sender.visit),)),
    )
