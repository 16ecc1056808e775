"""Every timeout and retry policy of the workflows, named.

It imports nothing of ours, and workflows pass it through the sandbox as a whole.
"""

from datetime import timedelta

from temporalio.common import RetryPolicy

ONE_TRANSACTION = timedelta(seconds=5)
"""How long one transaction may take. After a kill -9 of a worker, another worker gets the activity this soon."""

ONE_TASK = timedelta(seconds=5)
"""How long a worker may take for one task of a workflow, set at every start. After a kill -9 of a worker, another worker gets
the task this soon; Temporal's default is ten seconds."""

ONE_SHORT_TRANSACTION = timedelta(seconds=2)
"""How long a transaction may take inside a task. Until then a database that hangs holds up the requests of its order."""

ONCE = RetryPolicy(maximum_attempts=1)
"""What fails inside a task is tried again outside of it."""

UNTIL_IT_WORKS = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=5),
)
"""PostgreSQL comes back and bugs get fixed, so these retries never end. Errors that no retry can fix are not retried."""

ONE_CALL = timedelta(seconds=15)
"""How long a node's own interface may take to answer one call."""

UNTIL_IT_ANSWERS = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=5),
)
"""A node's interface may be down for hours; the fulfillment order's deadline ends the retries."""

LOOK_AGAIN_AFTER = timedelta(days=1)
"""An order that waits for stock, a hold or a person reads its state this often; usually a signal comes first."""

LINES_LAG_MAX = timedelta(minutes=1)
"""Signals of a large order carry no lines. The lines are read this long after the last signal, for the query `view`."""

A_MOMENT = timedelta(milliseconds=1)
"""The shortest timer: a second, on a real server. What is due is done without one; this is the pause before what had no effect
is tried again."""
