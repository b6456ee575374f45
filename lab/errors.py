"""Errors that a person is meant to read.

LabError                      what happened, on which host, what to do next; carries the exit code
├── ClaimFailed         (1)   a claim about the lab does not hold
├── InvalidInput        (2)   arguments or inventory are wrong; every problem is listed at once
├── MachineLacks        (3)   this machine lacks a program, a right, a kernel feature, or space
├── HostUnreachable     (4)   a host, or the engine on it, does not answer
└── LabHeld             (5)   another run is changing this lab
"""

from __future__ import annotations

EXIT_PASS = 0
EXIT_INTERRUPTED = 130


class LabError(Exception):
    """Something a person can act on.

    ``message`` says what happened, ``problems`` lists what it consists of, ``hint`` says what to do next, ``host``
    where; ``code`` is the exit code.
    """

    code = 1

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), hint: str = "", host: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems
        self.hint = hint
        self.host = host

    def __str__(self) -> str:
        """Return one line: host, message, hint."""
        where = f"{self.host}: " if self.host else ""
        what_next = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{what_next}"


class ClaimFailed(LabError):
    """A claim about the lab does not hold."""

    code = 1


class InvalidInput(LabError):
    """Arguments or inventory are wrong."""

    code = 2


class MachineLacks(LabError):
    """This machine lacks something that the lab needs."""

    code = 3


class HostUnreachable(LabError):
    """A host, or its engine, does not answer."""

    code = 4


class LabHeld(LabError):
    """Another run holds the lab."""

    code = 5
