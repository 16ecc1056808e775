"""Becomes the given command, tied to the life of the process that started it (Linux only).

    python -I -S tether.py PARENT_PID DEATH_SIGNAL UID GID COMMAND ARGUMENT...

A program of its own and not a `preexec_fn`: Python code between fork and exec can deadlock once the parent has threads
(Python 3.12 and later warn about it). It imports nothing of the project, so it costs about 20 ms.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def become_account(uid: int, gid: int) -> None:
    """Drop root for good; a process that already is `uid` stays as it is."""
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def die_with(parent_pid: int, death_signal: int) -> None:
    """Have the kernel send `death_signal` when the parent ends, and end now if that has happened already."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Change the account first: the kernel forgets the death signal of a process whose user changes."""
    parent_pid, death_signal, uid, gid = (int(number) for number in sys.argv[1:5])
    command = sys.argv[5:]
    become_account(uid, gid)
    die_with(parent_pid, death_signal)
    try:
        os.execv(command[0], command)
    except OSError as failure:
        sys.exit(f"cannot run {command[0]}: {failure.strerror}")


if __name__ == "__main__":
    main()
