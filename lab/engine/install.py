"""Installing a distribution's engine on a host, and starting it, as shell scripts for the host's root.

A running engine is never restarted, its configuration never written, its service never enabled.
"""

from __future__ import annotations

import shlex

from lab.engine.daemon import LOG_LINES_SHOWN

UNKNOWN_FAMILY = 3
"""The exit code where the host's distribution is none that the script knows."""

PATH = "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/snap/bin"

_INSTALL = r"""
LC_ALL=C
export LC_ALL
command -v dockerd >/dev/null && exit 0
failed() { echo "$1"; exit 1; }
has() { command -v "$1" >/dev/null; }
last() { printf '%s\n' "$log" | grep -v '^ *$' | tail -n 3; }
value() { sed -n "s/^$1=//p" "$release" 2>/dev/null | tr -d "\"'" | tr '[:upper:]' '[:lower:]'; }
lacking() { failed "no package with an engine in the configured repositories: $*"; }

apt() {
	apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold "$@" </dev/null 2>&1
}
is_candidate() { apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'; }
with_apt() {
	DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1
	export DEBIAN_FRONTEND NEEDRESTART_MODE NEEDRESTART_SUSPEND
	if ! is_candidate docker.io; then
		log=$(apt update) || failed "apt-get update: $(last)"
		is_candidate docker.io || lacking docker.io
	fi
	set -- docker.io
	has docker || ! is_candidate docker-cli || set -- "$@" docker-cli
	# A kernel with AppArmor needs its parser, which docker.io only recommends.
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || has apparmor_parser || set -- "$@" apparmor
	log=$(apt install --no-install-recommends "$@") && return
	case $log in *"apt-get update"*) ;; *) failed "apt-get install $*: $(last)" ;; esac
	log=$(apt update) || failed "apt-get update: $(last)"
	log=$(apt install --no-install-recommends "$@") || failed "apt-get install $*: $(last)"
}

is_listed() {
	case $manager in
	dnf) dnf -q list --available "$1" ;;
	yum) yum -q list available "$1" ;;
	microdnf) microdnf repoquery "$1" | grep "^$1-[0-9]" ;;
	esac >/dev/null 2>&1 </dev/null
}
with_dnf() {
	manager=
	for name in dnf microdnf yum; do
		[ -n "$manager" ] || ! has $name || manager=$name
	done
	[ -n "$manager" ] || failed "none of dnf, microdnf, yum is there to install an engine with"
	log=$($manager -y makecache 2>&1 </dev/null) || failed "$manager makecache: $(last)"
	package=
	for name in moby-engine docker docker-engine docker-ce; do
		[ -n "$package" ] || ! is_listed $name || package=$name
	done
	[ -n "$package" ] || lacking moby-engine, docker, docker-engine, docker-ce
	log=$($manager -y install $package 2>&1 </dev/null) || failed "$manager install $package: $(last)"
	has docker || ! is_listed docker-cli ||
		log=$($manager -y install docker-cli 2>&1 </dev/null) || failed "$manager install docker-cli: $(last)"
}

for family in $(value ID) $(value ID_LIKE); do
	case $family in
	debian | ubuntu) with_apt ;;
	fedora | rhel | centos | amzn | openeuler) with_dnf ;;
	*) continue ;;
	esac
	has dockerd || failed "the package that was installed brought no dockerd"
	exit 0
done
distribution=$(value ID)
echo "no way known to install an engine on ${distribution:-this distribution}; install one by hand"
"""

_START = r"""
socket=/var/run/docker.sock
listens() { [ -S $socket ] && grep -q '/run/docker\.sock$' /proc/net/unix; }
active() { systemctl --quiet is-active "$1"; }
by_systemd() { [ -d /run/systemd/system ]; }
# systemd may listen in the engine's place, whether that starts or not.
ready() { listens && { ! by_systemd || active docker.service || ! active docker.socket; }; }
ready && exit 0
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
# Into a file: a daemon that kept a pipe would be waited for.
if by_systemd; then
	systemctl --quiet reset-failed docker.service 2>/dev/null
	systemctl start --no-block docker.service >"$said" 2>&1 </dev/null
elif command -v service >/dev/null; then
	service docker start >"$said" 2>&1 </dev/null
elif command -v rc-service >/dev/null; then
	rc-service docker start >"$said" 2>&1 </dev/null
else
	echo "no service manager to start the engine by: neither systemd, nor service, nor rc-service"
	exit 1
fi
[ $? = 0 ] || deadline_s=0
end=$(($(date +%s) + deadline_s))
until ready; do
	if [ "$(date +%s)" -ge $end ] || { by_systemd && systemctl --quiet is-failed docker.service; }; then
		tail -n $lines "$said"
		if by_systemd; then journalctl --unit docker.service --lines $lines --output cat --no-pager
		else tail -n $lines /var/log/docker.log; fi 2>/dev/null
		exit 1
	fi
	sleep 0.1 2>/dev/null || sleep 1
done
"""


def present_script() -> str:
    """Return a shell script that tells, by its exit code, whether the host has an engine."""
    return f"{PATH}\ncommand -v dockerd >/dev/null\n"


def install_script(os_release: str = "/etc/os-release") -> str:
    """Return a shell script that installs the distribution's engine where there is none.

    The family is that of ``os_release``: apt-get for Debian's, dnf, microdnf or yum for Fedora's. Silent where all
    went well, or where there is an engine; else it prints why not, and exits with 1, or with UNKNOWN_FAMILY.
    """
    return f"{PATH}\nrelease={shlex.quote(os_release)}\n{_INSTALL}exit {UNKNOWN_FAMILY}\n"


def start_script(deadline_s: int) -> str:
    """Return a shell script that starts the engine by the host's own service manager, and waits for its socket.

    Silent where all went well; where the engine does not listen within ``deadline_s`` it prints what the service
    manager said and the last lines of the engine's log, and exits with 1.
    """
    return f"{PATH}\nlines={LOG_LINES_SHOWN}\ndeadline_s={int(deadline_s)}\n{_START}"
