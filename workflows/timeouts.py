"""Every timeout and retry policy of the workflows, named."""

from datetime import timedelta

from temporalio.common import RetryPolicy

ONE_TRANSACTION = timedelta(seconds=5)
"""How long one transaction may take: after a kill -9 of its worker it is given to another one this soon."""

UNTIL_IT_WORKS = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=5),
)
"""PostgreSQL comes back and bugs get fixed; an order must not give up before. What cannot be mended is not retryable."""

ONE_CALL = timedelta(seconds=15)
"""How long a node's own interface may take to answer one call."""

UNTIL_IT_ANSWERS = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=5),
)
"""A node's interface may be down for hours; the fulfillment order's own deadline says when that is too long."""

LOOK_AGAIN_AFTER = timedelta(days=1)
"""An order that waits for stock, a hold or a person looks at the facts this often by itself; usually a signal comes first."""

LINES_LAG_MAX = timedelta(minutes=1)
"""News of a large order comes without its lines; this long after the last of it they are read, for whoever looks."""

AT_ONCE = timedelta(milliseconds=1)
"""The shortest timer: for a deadline that has passed already."""
