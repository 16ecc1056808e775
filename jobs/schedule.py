"""The table of jobs: what the service does by itself, how often, and which function does it."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from jobs import backorder, cart, exception, need, pause, peg, ship_to_store, shortage, stock_rows
from jobs.channel_level import ChannelLevelSender
from jobs.channel_notice import ChannelNoticeSender
from jobs.connection import Connections
from jobs.driver import Job, Lane
from jobs.exchange import Exchanges
from jobs.label import Labels
from jobs.manifest import Manifests
from jobs.relay import Relay
from jobs.tracking import Trackings
from jobs.webhook import WebhookSender
from transactions import look_ahead, manifest, replay, shadow, unknown_scan
from transactions.backorder import Backorders
from transactions.exchange import erase_old
from transactions.pause import Pauses
from transactions.personal import forget_old
from transactions.shadow import Shadows
from transactions.ship_to_store import Known
from transactions.transaction import OrderTransactions

STOCK = "stock"
"""The lane that follows every change of stock: run it soon after one."""
SUPPLY = "supply"
"""The lane that follows every change of announced goods: many promises may change at once, and no turn waits for them."""
WEBHOOKS = "webhooks"
CHANNELS = "channels"
"""The lane that carries out what channels sent: run it soon after something came."""
NOTICES = "notices"
"""The lane that notifies connected channels: run it soon after somebody asks for it."""
LABELS = "labels"
"""The lane that asks carriers for labels: run it soon after somebody asks for one."""
MANIFESTS = "manifests"
"""The lane that asks carriers for manifests: run it soon after somebody asks for one."""

SECOND = timedelta(seconds=1)
HALF_A_MINUTE = timedelta(seconds=30)
"""With the minute that a workflow is given, what is due is done within two minutes, also where the workflow is gone."""
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
TEN_SECONDS = timedelta(seconds=10)
FIVE_MINUTES = timedelta(minutes=5)
TEN_MINUTES = timedelta(minutes=10)
IDLE = TEN_SECONDS
"""How long a lane waits for a commit before it looks by itself."""


def schedule(
    transactions: OrderTransactions,
    relay: Relay,
    sender: WebhookSender,
    exchanges: Exchanges,
    connections: Connections,
    notices: ChannelNoticeSender,
    levels: ChannelLevelSender,
    labels: Labels,
    manifests: Manifests,
    trackings: Trackings,
) -> Sequence[Lane]:
    """Every job of the service."""
    return (
        _of_signals(relay),
        Lane("sweep", HALF_A_MINUTE, (Job("sweep", relay.sweep),)),
        _of_stock(transactions),
        _of_supply(transactions),
        Lane("replenishment", MINUTE, (Job("take_needs", partial(need.take_needs, transactions, relay)),), TEN_MINUTES),
        *_of_exceptions(transactions),
        Lane("contacts", MINUTE, (Job("store_last_heard", partial(transactions.heard.store, transactions.database)),)),
        Lane(WEBHOOKS, SECOND, (Job("call_channels", sender.visit),), IDLE),
        Lane(CHANNELS, SECOND, (Job("carry_out_exchanges", exchanges.carry_out),), HALF_A_MINUTE),
        Lane("polls", SECOND, (Job("ask_channels", connections.visit),), MINUTE),
        Lane(NOTICES, SECOND, (Job("notify_channels", notices.visit),), HALF_A_MINUTE),
        Lane("levels", SECOND, (Job("send_stock_levels", levels.visit),), HALF_A_MINUTE),
        Lane(LABELS, SECOND, (Job("buy_labels", labels.carry_out),), MINUTE),
        _of_manifests(transactions, manifests),
        Lane("tracking", MINUTE, (Job("ask_where_parcels_are", trackings.ask),), FIVE_MINUTES),
        Lane("scans", MINUTE, (Job("apply_kept_scans", partial(unknown_scan.apply_kept, transactions)),), FIVE_MINUTES),
        Lane("shadow", TEN_SECONDS, (Job("compare_shadow", Shadows(transactions.database).compare),), TEN_MINUTES),
        Lane("look_ahead", HOUR, (Job("learn_prices", partial(look_ahead.learn, transactions)),)),
        _of_retention(transactions),
    )


def _of_signals(relay: Relay) -> Lane:
    jobs = (Job("send_overdue_signals", relay.send_overdue), Job("start_orders", relay.start_unstarted))
    return Lane("signals", SECOND, jobs, IDLE)


def _of_retention(transactions: OrderTransactions) -> Lane:
    jobs = (
        Job("erase_exchanges", partial(erase_old, transactions)),
        Job("erase_plan_inputs", partial(replay.erase_old, transactions)),
        Job("erase_unknown_scans", partial(unknown_scan.erase_old, transactions)),
        Job("erase_shadow_rounds", partial(shadow.erase_old, transactions.database)),
        Job("forget_orders", partial(forget_old, transactions)),
    )
    return Lane("retention", HOUR, jobs)


def _of_manifests(transactions: OrderTransactions, manifests: Manifests) -> Lane:
    """What the end of a node's day brings; no label waits for it, since a carrier may take its time to answer."""
    asked = Job("ask_for_manifests", partial(manifest.ask_at_cutoff, transactions))
    return Lane(MANIFESTS, MINUTE, (asked, Job("make_manifests", manifests.carry_out)), FIVE_MINUTES)


def _of_supply(transactions: OrderTransactions) -> Lane:
    """What follows a change of goods that come: what is brought for an order is promised to it at once."""
    jobs = (
        Job("make_transfers", partial(ship_to_store.make_transfers, transactions, Known())),
        Job("give_pegs", partial(peg.give_pegs, transactions, {})),
    )
    return Lane(SUPPLY, SECOND, jobs, MINUTE)


def _of_stock(transactions: OrderTransactions) -> Lane:
    """What follows a change of stock: the turns come after what frees stock, and what had no turn is looked at last."""
    backorders, pauses = Backorders(transactions), Pauses(transactions)
    return Lane(
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
        IDLE,
    )


def _of_exceptions(transactions: OrderTransactions) -> Sequence[Lane]:
    """What opens exceptions because time has passed, or hands them on."""
    of_orders = (
        Job("escalate_exceptions", partial(exception.escalate, transactions)),
        Job("open_at_risk", partial(exception.open_at_risk, transactions)),
        Job("tell_of_retired", partial(exception.tell_of_retired, transactions)),
        Job("look_for_silence", partial(exception.look_for_silence, transactions)),
    )
    of_channels = (Job("measure_channels", partial(exception.measure_channels, transactions)),)
    return Lane("exceptions", MINUTE, of_orders), Lane("marketplaces", TEN_MINUTES, of_channels)
