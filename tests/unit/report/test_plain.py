"""Text from terminals, made fit for files."""

from __future__ import annotations

import pytest

from lab.report.plain import plain, plain_value


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[6n/ # \x1b[Jls\x1b[?2004h", "/ # ls"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b", "ab"),
        ("\x1b(Ba\x1b=b\x1bM", "ab"),
        ("a\r\nb\r\r\nc\rd\n", "a\nb\nc\nd\n"),
        ("a\x00\x07\x08\x7f\x9b\ufffe\ud800b", "ab"),
        ("tab\tコンテナー 🐳 é", "tab\tコンテナー 🐳 é"),
        ("[31m is no escape", "[31m is no escape"),
    ],
)
def test_what_only_a_terminal_understands_goes(text: str, left: str):
    assert plain(text) == left


def test_the_texts_in_a_value_are_made_plain():
    value = {"output": "a\x1b[0m\r\n", "counts": (1, None, "b\x00")}
    assert plain_value(value) == {"output": "a\n", "counts": [1, None, "b"]}
