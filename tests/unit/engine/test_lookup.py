"""What busybox's nslookup prints, in its two forms."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab.engine.lookup import parse, script

SERVER = "Server:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n"
ANSWERS = {
    "one address": (
        f"{SERVER}\nNon-authoritative answer:\nName:\tweb\nAddress: 10.0.7.2\n\nNon-authoritative answer:\n\n",
        ["10.0.7.2"],
    ),
    "several, after an empty answer about IPv6": (
        f"{SERVER}\nNon-authoritative answer:\n\nNon-authoritative answer:\nName:\tweb\nAddress: 10.0.7.10\n"
        "Name:\tweb\nAddress: 10.0.7.9\nName:\tweb\nAddress: 10.0.7.10\n\n",
        ["10.0.7.9", "10.0.7.10"],
    ),
    "IPv6 too": (
        f"{SERVER}\nNon-authoritative answer:\nName:\tweb\nAddress: 10.0.7.2\n\n"
        "Non-authoritative answer:\nName:\tweb\nAddress: fd00::2\n\n",
        ["10.0.7.2"],
    ),
    "no such name": (f"{SERVER}\n** server can't find web: NXDOMAIN\n\n** server can't find web: NXDOMAIN\n\n", []),
    "the small form": (
        "Server:    127.0.0.11\nAddress 1: 127.0.0.11\n\n"
        "Name:      web\nAddress 1: 10.0.7.3 web.1.abc.my-net\nAddress 2: 10.0.7.2\n",
        ["10.0.7.2", "10.0.7.3"],
    ),
    "the small form, no such name": (
        "Server:    127.0.0.11\nAddress 1: 127.0.0.11\n\nnslookup: can't resolve 'web': Name does not resolve\n",
        [],
    ),
    "on a terminal": (f"{SERVER}\nName:\tweb\nAddress: 10.0.7.2\n\n".replace("\n", "\r\n"), ["10.0.7.2"]),
    "no server": (";; connection timed out; no servers could be reached\n\n", []),
    "no nslookup": ("sh: nslookup: not found\n", []),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_has_the_addresses_of_the_name_and_not_the_servers(answer: str):
    text, found = ANSWERS[answer]
    assert parse(f"== web\n{text}") == {"web": found}


def test_each_name_has_its_own_answer():
    (one, found), (other, none) = ANSWERS["one address"], ANSWERS["no such name"]
    assert parse(f"== web\n{one}== tasks.web\n{other}== db\n{one}") == {"web": found, "tasks.web": none, "db": found}


def test_the_script_asks_for_each_name_and_says_which(tmp_path: Path):
    asked = tmp_path / "nslookup"
    asked.write_text('#!/bin/sh\nprintf "Server\\n\\nAddress: 10.0.0.${#1}\\n"; exit 1\n')
    asked.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", script(["web", "tasks.web"])],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert parse(done.stdout) == {"web": ["10.0.0.3"], "tasks.web": ["10.0.0.9"]}


def test_nothing_printed_is_nothing_found():
    assert parse("") == {}
