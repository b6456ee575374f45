"""The collection's plugins: what is documented is what is there."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
PLUGINS = CHECKOUT / "lab" / "collections" / "ansible_collections" / "lab" / "swarm" / "plugins"
ACTIONS = sorted(path.stem for path in (PLUGINS / "action").glob("*.py"))
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
OTHERS = [
    (kind, path.stem)
    for kind in ("callback", "connection", "strategy")
    for path in sorted((PLUGINS / kind).glob("*.py"))
]
TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw"}
each = pytest.mark.parametrize("noun", ACTIONS)


@cache
def told(noun: str, part: str, kind: str = "modules") -> str:
    """Return a text (DOCUMENTATION, EXAMPLES, RETURN) of a plugin, an action's in its documentation module."""
    tree = ast.parse((PLUGINS / kind / f"{noun}.py").read_text())
    (text,) = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [part]
    ]
    return text


@cache
def documentation(noun: str) -> dict:
    return yaml.safe_load(told(noun, "DOCUMENTATION"))


@cache
def used(noun: str) -> set[str]:
    """Return the options that a plugin's source reads, as ``arguments["name"]``."""
    tree = ast.parse((PLUGINS / "action" / f"{noun}.py").read_text())
    return {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "arguments"
        and isinstance(node.slice, ast.Constant)
    }


def examples(noun: str) -> list[dict]:
    return yaml.safe_load(told(noun, "EXAMPLES"))


def test_every_action_is_documented_and_nothing_else_is():
    assert ACTIONS == MODULES


@each
def test_a_plugin_is_called_the_same_everywhere(noun: str):
    source = ast.parse((PLUGINS / "action" / f"{noun}.py").read_text())
    nouns = [
        ast.literal_eval(node.value)
        for node in ast.walk(source)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "noun"
    ]
    assert nouns == [noun]
    assert documentation(noun)["module"] == noun


@each
def test_every_option_that_is_documented_is_used(noun: str):
    assert set(documentation(noun)["options"]) - used(noun) == set()


@each
def test_every_option_that_is_used_is_documented(noun: str):
    assert used(noun) - set(documentation(noun)["options"]) == set()


@each
def test_every_option_says_what_it_is(noun: str):
    for name, option in documentation(noun)["options"].items():
        assert option["description"], name
        assert option["type"] in TYPES, name
        assert ("elements" in option) is (option["type"] == "list"), name
        assert not (option.get("required") and "default" in option), name
        assert option.get("default") in (None, *option.get("choices", [option.get("default")])), name


@each
def test_the_examples_use_the_plugin_as_it_is_documented(noun: str):
    options = documentation(noun)["options"]
    needed = {name for name, option in options.items() if option.get("required")}
    tasks = examples(noun)
    assert tasks
    for task in tasks:
        given = task[f"lab.swarm.{noun}"] or {}
        assert task["name"]
        assert set(given) <= set(options)
        assert needed <= set(given)
        for name, value in given.items():
            assert value in options[name].get("choices", [value])


@each
def test_what_is_returned_is_described(noun: str):
    for name, value in (yaml.safe_load(told(noun, "RETURN")) or {}).items():
        assert value["description"], name
        assert value["type"] in TYPES, name
        assert value["returned"], name


@pytest.mark.parametrize(("kind", "name"), OTHERS)
def test_a_plugin_of_another_kind_says_what_it_is(kind: str, name: str):
    page = yaml.safe_load(told(name, "DOCUMENTATION", kind))
    assert page["name"] == name
    assert page["short_description"]
    assert page["description"]


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("module", "network", ["attachable", "test-net"]),
        ("module", "swarm_ports", ["7946/udp", "data_path_port"]),
        ("connection", "netns", ["lab_name", "namespaces"]),
        ("module", "service", ["endpoint_mode", "own errors"]),
        ("callback", "run_lock", ["LAB_WAIT", "exit code 5"]),
        ("strategy", "stepwise", ["lab_rewind", "linear"]),
    ],
)
def test_ansible_doc_shows_it(kind: str, name: str, words: list[str]):
    done = subprocess.run(
        [PROGRAMS / "ansible-doc", "-t", kind, f"lab.swarm.{name}"],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert [word for word in words if word not in text] == []
