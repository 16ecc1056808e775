"""The failure of the embedded stack: a sentence for the person at the terminal, without a traceback."""


class EmbeddedFailure(Exception):
    """Something of the embedded stack did not start, ended or must not be touched; the message names it and the reason.

    `log_tail` holds the last lines that the failing process wrote, or nothing.
    """

    def __init__(self, message: str, log_tail: str = "") -> None:
        super().__init__(message)
        self.log_tail = log_tail

    def __str__(self) -> str:
        message = str(self.args[0])
        return f"{message}\n{self.log_tail}" if self.log_tail else message
