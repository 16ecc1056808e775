"""`python -m starter demo`: the story of `examples/`, on a service of its own."""

from typing import Annotated

from cyclopts import Parameter

from demo import demo


def command(*, keep: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Run the story of examples/ on a service of its own in .demo/, then stop; exit 1 if any result differs.

    Parameters
    ----------
    keep
        Leave everything running for a look, until Ctrl-C.
    """
    return demo(keep=keep)
