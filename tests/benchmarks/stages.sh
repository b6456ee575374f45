#!/usr/bin/env bash
# The stages' floor: the tutorial's commands as one types them, on the engines of a lab that is up.
#
#   stages.sh RUN_DIRECTORY     the lab's sockets: RUN_DIRECTORY/HOST/docker.sock of manager, worker-1 and worker-2
#
# Prints `lap STAGE SECONDS` for each stage. What it makes it removes, also when it ends early. It checks what the
# commands' own exit codes tell and the pings; it waits for what the docker CLI waits for, and to be able to remove
# the networks on the manager: not for every host to have let go of them.
# Exit code 1: something was not as it must be. Needs the docker CLI.
set -euo pipefail
readonly RUN=$1 SHELL_IMAGE=swarm-lab/busybox:debian WEB_IMAGE=swarm-lab/nginx:debian
readonly HOSTS=(manager worker-1 worker-2)
unset DOCKER_HOST DOCKER_CONTEXT

d() { # HOST ARGS...
    local host=$1
    shift
    docker -H "unix://$RUN/$host/docker.sock" "$@"
}

m() { d manager "$@"; }

fail() {
    echo "stages.sh: $*" >&2
    exit 1
}

clean() {
    m service rm my-nginx web >/dev/null 2>&1 || :
    m rm -f alpine1 alpine2 >/dev/null 2>&1 || :
    d worker-1 rm -f alpine2 alpine3 >/dev/null 2>&1 || :
    gone nginx-net nginx-net-2 my-overlay test-net svc-net
}

gone() { # NETWORK...: remove them as soon as the manager lets
    local name
    for name in "$@"; do
        while m network inspect "$name" >/dev/null 2>&1 && ! m network rm "$name" >/dev/null 2>&1; do read -rt 0.2 <> <(:) || :; done
    done
}

lap() { # STAGE
    local end=${EPOCHREALTIME/[.,]/}
    printf 'lap %s %d.%03d\n' "$1" $(((end - start) / 1000000)) $(((end - start) / 1000 % 1000))
    start=${EPOCHREALTIME/[.,]/}
}

default_overlay() {
    local host
    m node ls >/dev/null
    for host in "${HOSTS[@]}"; do d "$host" network ls >/dev/null; done
    m network create -d overlay nginx-net >/dev/null
    m service create -q --no-resolve-image --name my-nginx --publish target=80,published=80 --replicas=5 \
        --network nginx-net "$WEB_IMAGE" >/dev/null
    for host in "${HOSTS[@]}"; do d "$host" network inspect nginx-net >/dev/null; done
    m service inspect my-nginx >/dev/null
    m network create -d overlay nginx-net-2 >/dev/null
    m service update -q --no-resolve-image --network-add nginx-net-2 --network-rm nginx-net my-nginx >/dev/null
    for host in "${HOSTS[@]}"; do d "$host" network inspect nginx-net-2 >/dev/null; done
    m service rm my-nginx >/dev/null
    gone nginx-net nginx-net-2
}

user_defined_overlay() {
    m network create -d overlay my-overlay >/dev/null
    m service create -q --no-resolve-image --name my-nginx --network my-overlay --replicas 1 \
        --publish published=8080,target=80 "$WEB_IMAGE" >/dev/null
    m network inspect my-overlay >/dev/null
    m service rm my-nginx >/dev/null
    gone my-overlay
}

standalone_containers() {
    m network create --driver=overlay --attachable test-net >/dev/null
    m run -dit --name alpine1 --network test-net "$SHELL_IMAGE" >/dev/null
    d worker-1 network ls >/dev/null
    d worker-1 run -dit --name alpine2 --network test-net "$SHELL_IMAGE" >/dev/null
    d worker-1 network ls >/dev/null
    m exec alpine1 ping -c 2 $quick alpine2 >/dev/null || fail 'alpine1 does not reach alpine2'
    d worker-1 run --rm --name alpine3 --network test-net "$SHELL_IMAGE" ping -c 2 $quick alpine1 >/dev/null ||
        fail 'alpine3 does not reach alpine1'
    d worker-1 container stop -t 1 alpine2 >/dev/null
    while d worker-1 network ls | grep -q test-net; do read -rt 0.1 <> <(:) || :; done
    d worker-1 container rm alpine2 >/dev/null
    m container stop -t 1 alpine1 >/dev/null
    m container rm alpine1 >/dev/null
    gone test-net
}

container_and_service() {
    local address
    m network create -d overlay --attachable svc-net >/dev/null
    m service create -q --no-resolve-image --name web --network svc-net --replicas 2 --endpoint-mode dnsrr \
        "$WEB_IMAGE" >/dev/null
    d worker-1 run --rm --network svc-net "$SHELL_IMAGE" wget -qO- http://web/ >/dev/null || fail 'web does not answer'
    m service rm web >/dev/null
    gone svc-net
    m run -dit --name alpine1 "$SHELL_IMAGE" ash >/dev/null
    m run -dit --name alpine2 "$SHELL_IMAGE" ash >/dev/null
    m network inspect bridge >/dev/null
    address=$(m inspect -f '{{.NetworkSettings.IPAddress}}' alpine2)
    m exec alpine1 ip addr show >/dev/null
    m exec alpine1 ping -c 2 $quick "$address" >/dev/null || fail 'alpine1 does not reach alpine2 by address'
    ! m exec alpine1 ping -c 2 alpine2 >/dev/null 2>&1 || fail 'alpine1 reaches alpine2 by name'
    m container stop -t 1 alpine1 alpine2 >/dev/null
    m container rm alpine1 alpine2 >/dev/null
}

quick=
[[ ${2:-} != -q ]] || quick='-i 0.2'
trap clean EXIT
start=${EPOCHREALTIME/[.,]/}
for stage in default-overlay user-defined-overlay standalone-containers container-and-service; do
    "${stage//-/_}"
    lap "$stage"
done
