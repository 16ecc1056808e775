"""Configures how a process logs: to standard error, one JSON object a line; coloured lines where a person looks at a terminal.

What libraries log by `logging` comes out in the same form. Nobody logs bodies, addresses' queries or values of fields: they may
be personal data.
"""

import logging
import sys

import structlog
from structlog.typing import Processor


def configure() -> None:
    """Configure logging for this process."""
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _last()
    structlog.configure(processors=[*common, *last], logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=common, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _last() -> list[Processor]:
    if sys.stderr.isatty():
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
