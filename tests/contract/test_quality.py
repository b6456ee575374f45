"""The tools that judge the source find nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
TOOLS = {
    "ruff check": ("ruff", "check", "--no-cache"),
    "ruff format": ("ruff", "format", "--check", "--diff", "--no-cache"),
    "mypy": ("mypy",),
    "yamllint": ("yamllint", "--strict", "."),
    "ansible-lint": ("ansible-lint", "--offline", "--profile", "production", "--strict", "--nocolor"),
    "lint-imports": ("lint-imports", "--no-cache"),
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, tuple[int, str]]:
    """Run all tools side by side; return each one's exit status and output."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip(TOOLS, pool.map(_run, TOOLS.values()), strict=True))


def _run(tool: tuple[str, ...]) -> tuple[int, str]:
    done = subprocess.run(
        [PROGRAMS / tool[0], *tool[1:]],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("tool", TOOLS)
def test_it_finds_nothing(verdicts: dict[str, tuple[int, str]], tool: str):
    status, output = verdicts[tool]
    assert status == 0, f"{' '.join(TOOLS[tool])}\n{output}"
