"""The table of jobs: what the service does by itself, how often, and which function does it."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from jobs import backorder, cart, exception, pause, shortage, stock_rows
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
        Lane("sweep", HALF_A_MINUTE, (Job("sweep", relay.sweep),)),
        Lane(
            STOCK,
            SECOND,
            (
                Job("apply_kept_rows", partial(stock_rows.apply_kept, transactions)),
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
                Job("tell_of_retired", partial(exception.tell_of_retired, transactions)),
                Job("look_for_silence", partial(exception.look_for_silence, transactions)),
            ),
        ),
        Lane("contacts", MINUTE, (Job("store_last_heard", partial(transactions.heard.store, transactions.database)),)),
        Lane(WEBHOOKS, SECOND, (Job("call_channels", sender.visit),)),
    )
