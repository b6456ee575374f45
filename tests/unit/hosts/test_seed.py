"""What a virtual machine is told of itself, and the way to it."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from lab.hosts import seed
from lab.hosts.programs import which

HOSTS = {"manager": "198.18.0.11", "worker-1": "198.18.0.12"}


def test_a_key_pair_is_made_once_and_closed_to_others(tmp_path: Path):
    public = seed.key_pair(tmp_path / "key")
    assert public.startswith("ssh-ed25519 ")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert seed.key_pair(tmp_path / "key") == public


def test_the_archive_has_the_private_key_for_root_only_and_the_users_files_are_the_users(tmp_path: Path):
    public = seed.key_pair(tmp_path / "host_key")
    files = seed.files("manager", HOSTS, 24, host_key=tmp_path / "host_key", user_key=public)
    seed.write(tmp_path / "seed.tar", files)
    assert (tmp_path / "seed.tar").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "seed.tar").stat().st_size % 512 == 0
    with tarfile.open(tmp_path / "seed.tar") as archive:
        entries = {entry.name: entry for entry in archive}
    key = entries["etc/ssh/ssh_host_ed25519_key"]
    assert (key.mode, key.uid) == (0o600, 0)
    assert {entry.uid for name, entry in entries.items() if name.startswith("home/")} == {seed.USER_ID}
    assert entries["home/lab/.ssh"].mode == 0o700


def test_each_interface_has_its_address_by_its_hardware(tmp_path: Path):
    seed.key_pair(tmp_path / "host_key")
    files = seed.files("worker-1", HOSTS, 24, host_key=tmp_path / "host_key", user_key="ssh-ed25519 AAAA")
    outer, inner = seed.hardware(HOSTS["worker-1"])
    assert f"MACAddress={inner}" in files["etc/systemd/network/20-inner.network"][0]
    assert "Address=198.18.0.12/24" in files["etc/systemd/network/20-inner.network"][0]
    assert f"MACAddress={outer}" in files["etc/systemd/network/10-outer.network"][0]
    assert len({*seed.hardware(HOSTS["manager"]), outer, inner}) == 4
    assert "198.18.0.11\tmanager" in files["etc/hosts"][0]


@pytest.mark.skipif(which("ssh") is None, reason="ssh is not on this machine")
def test_ssh_reads_the_configuration_as_it_is_meant(tmp_path: Path):
    folder = tmp_path / "a %folder"
    folder.mkdir()
    config = folder / "config"
    config.write_text(seed.ssh_config(folder / "key", folder / "known", {"manager": 2201, "worker-1": 2202}))
    told = subprocess.run(["ssh", "-G", "-F", str(config), "worker-1"], capture_output=True, text=True, check=True)
    options = dict(line.split(" ", 1) for line in told.stdout.splitlines() if " " in line)
    assert (options["hostname"], options["port"], options["user"]) == ("127.0.0.1", "2202", "lab")
    assert options["hostkeyalias"] == "worker-1"
    assert options["stricthostkeychecking"] in {"true", "yes"}
    assert options["userknownhostsfile"].strip('"').replace("%%", "%") == str(folder / "known")
