"""The task queues of Temporal. One worker process serves both, each with slots of its own.

An activity may move to another queue without a patch. Replay compares an activity's id and type with the recorded ones, not its
queue: `tests/upgrade` replays the open order `web-at-the-maker`, whose `call_node` was scheduled on `switchyard`.
"""

TASK_QUEUE = "switchyard"
"""Workflows, and the activities that are transactions."""
CALLS_QUEUE = "switchyard-calls"
"""Activities that call others and may wait for them: they never take a slot of a transaction."""
