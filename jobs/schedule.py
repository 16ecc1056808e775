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
MINUTE = timedelta(minutes=1)


def schedule(transactions: OrderTransactions, relay: Relay, sender: WebhookSender) -> Sequence[Lane]:
    """Every job of the service. In the lane of stock the turns come after what frees
    stock, and what had no turn is looked at last."""
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
        Lane("sweep", MINUTE, (Job("sweep", relay.sweep),)),
        Lane(
            STOCK,
            SECOND,
            (
                Job("offer_under_new_rules", partial(backorder.offer_under_new_rules, backorders)),
                Job("source_shortages_again", partial(shortage.source_again, transactions)),
                Job("clear_paused_nodes", partial(pause.clear_nodes, pauses)),
                Job("free_lapsed_carts", partial(cart.free_lapsed, transactions)),
                Job("give_turns", partial(backorder.give_turns, backorders)),
                Job("judge_under_new_rules", partial(backorder.judge_under_new_rules, backorders)),
            ),
        ),
        Lane(
            "exceptions",
            MINUTE,
            (
                Job("escalate_exceptions", partial(exception.escalate, transactions)),
                Job("open_at_risk", partial(exception.open_at_risk, transactions)),
                Job("look_for_silence", partial(exception.look_for_silence, transactions)),
            ),
        ),
        Lane(WEBHOOKS, SECOND, (Job("call_channels", sender.visit),)),
    )
