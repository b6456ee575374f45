#!/usr/bin/env bash
# The floor: the job of `lab up` done by hand, with ip, unshare, nsenter, mount, nft, dockerd and the docker CLI.
#
#   floor.sh [-n HOSTS] [-q]     HOSTS: 2 to 30, by default 3 (manager, worker-1, worker-2)
#                                -q: quick pings, a host's all at once and 0.2 s apart, as `lab up` sends them;
#                                    without it as the tutorial has them, one after the other and 1 s apart
#
# Prints `lap NAME SECONDS` for each part, `total` for all but the removal, `down` for the removal, and
# `memory HOST MIB`, the most that a host's control group ever held, page cache included.
# Exit code 1: something was not as it must be, stderr says what; 2: wrong arguments; 3: the machine lacks something.
# Needs root, bash 5.1 and the programs in check_machine; busybox has to be the static one.
#
# Every part is done for all hosts at once, only containers for a few hosts at a time. A host starts its engine as
# soon as it is up, so the lap `hosts` ends when the last host is up and `engines` when the last engine answers;
# every other part waits for the one before.
# All that is made belongs to this run: processes are ended by the pids it started and by its own control groups.
set -euo pipefail
umask 022
shopt -s inherit_errexit

readonly RUN=floor-$$
readonly NETWORK=up-net SHELL_IMAGE=floor/busybox:latest WEB_IMAGE=floor/nginx:latest
readonly DEADLINE=60 FULL_MATRIX=8 PINGS=2
readonly ENGINE_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION

declare -a hosts=() workers=() hierarchies=()
declare -A pid=() first=() address=() targets=() seen=()
at_once=60 work='' leaf_of='' cgroup_lines='' hosts_file='' quick=''

fail() {
    echo "floor: $*" >&2
    exit 1
}

pause() { read -rt 0.02 -u "$never" _ || :; }

each() { # FUNCTION WHAT...: run it for $at_once of them at a time, wait for all, fail where one failed
    local run=$1 what job failed=''
    local -A running=()
    shift
    for what in "$@"; do
        if ((${#running[@]} >= at_once)); then
            wait -n -p job "${!running[@]}" || failed=yes
            unset "running[$job]"
        fi
        "$run" "$what" &
        running[$!]=yes
    done
    for job in "${!running[@]}"; do wait "$job" || failed=yes; done
    [[ -z $failed ]] || fail "$run failed"
}

d() { # HOST ARGS...: the docker CLI, speaking to a host's engine
    local host=$1
    shift
    docker -H "unix://$work/$host/run/docker.sock" "$@"
}

in_network_of() { # HOST COMMAND...
    local host=$1
    shift
    nsenter --net="/proc/${pid[$host]}/ns/net" "$@"
}

# ---- time

now() { # VARIABLE: the clock in microseconds
    local -n moment=$1
    # shellcheck disable=SC2034
    moment=${EPOCHREALTIME/[.,]/}
}

print_lap() { # NAME MICROSECONDS
    printf 'lap %-10s %d.%03d\n' "$1" $(($2 / 1000000)) $(($2 / 1000 % 1000))
}

lap() { # NAME: print the time since the lap before
    local end
    now end
    print_lap "$1" $((end - lap_start))
    lap_start=$end
}

# ---- before the clock starts

read_arguments() {
    local option count=3 i
    while getopts n:q option; do
        case $option in
            n) count=$OPTARG ;;
            q) quick=yes ;;
            *) exit 2 ;;
        esac
    done
    shift $((OPTIND - 1))
    if (($# > 0)) || [[ ! $count =~ ^[0-9]{1,2}$ ]] || ((10#$count < 2 || 10#$count > 30)); then
        echo "usage: floor.sh [-n HOSTS] [-q], HOSTS from 2 to 30" >&2
        exit 2
    fi
    for ((i = 1; i < 10#$count; i++)); do workers+=("worker-$i"); done
    hosts=(manager "${workers[@]}")
}

check_machine() {
    local program missing=''
    for program in ip unshare nsenter mount pivot_root nft dockerd docker busybox nginx ldd tar find; do
        command -v "$program" >/dev/null || missing+=" $program"
    done
    ((EUID == 0)) || missing+=" root"
    if [[ -n $missing ]]; then
        echo "floor: this machine lacks:$missing" >&2
        exit 3
    fi
}

plan() { # addresses, the hosts file, and who pings whom
    local count=${#hosts[@]} i j
    hosts_file=$'127.0.0.1\tlocalhost\n'
    for ((i = 0; i < count; i++)); do
        address[${hosts[i]}]=198.18.0.$((11 + i))
        hosts_file+="${address[${hosts[i]}]}"$'\t'"${hosts[i]}"$'\n'
        if ((count > FULL_MATRIX)); then
            targets[${hosts[i]}]="${hosts[(i + 1) % count]} ${hosts[(i + count - 1) % count]}"
        else
            targets[${hosts[i]}]=
            for ((j = 0; j < count; j++)); do
                ((i == j)) || targets[${hosts[i]}]+="${hosts[j]} "
            done
        fi
    done
}

find_hierarchies() { # the control group hierarchies; for fstab, how a host mounts its own part of each
    local point kind options option kept top=''
    while read -r _ point kind options _; do
        [[ $kind == cgroup || $kind == cgroup2 ]] && [[ $point == /sys/fs/cgroup* ]] || continue
        kept=''
        if [[ $kind == cgroup ]]; then
            for option in ${options//,/ }; do
                [[ $option == name=* || -n ${controller[$option]-} ]] && kept+=,$option
            done
        else
            leaf_of=$point
        fi
        [[ $point == /sys/fs/cgroup ]] || top="tmpfs ROOT/sys/fs/cgroup tmpfs mode=755 0 0"$'\n'
        hierarchies+=("$point")
        cgroup_lines+="$kind ROOT$point $kind X-mount.mkdir$kept 0 0"$'\n'
    done </proc/mounts
    cgroup_lines=$top$cgroup_lines
    ((${#hierarchies[@]} > 0)) || fail "no control groups are mounted"
}

image_tree() { # DIRECTORY [nginx]: the files of an image
    local tree=$1 applet file
    mkdir -p "$tree"/{bin,dev,etc,proc,root,run,sys,tmp}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    for applet in $(busybox --list); do
        [[ $applet == busybox ]] || ln -s busybox "$tree/bin/$applet"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
    echo 'root:x:0:' >"$tree/etc/group"
    [[ ${2-} == nginx ]] || return 0
    mkdir -p "$tree"/{etc/nginx,usr/sbin,usr/share/nginx,var/lib/nginx,var/log/nginx}
    cp "$(command -v nginx)" "$tree/usr/sbin/nginx"
    for file in $(ldd "$(command -v nginx)" | grep -o '/[^ ]*'); do
        mkdir -p "$tree${file%/*}"
        cp -L "$file" "$tree$file"
    done
    cat >"$tree/etc/nginx/nginx.conf" <<'END'
user root;
daemon off;
worker_processes 1;
pid /run/nginx.pid;
error_log /dev/stderr;
events { }
http {
    access_log off;
    server { listen 80; location / { return 200 "$hostname\n"; } }
}
END
}

image_json() { # LAYER COMMAND: an image's configuration
    local machine
    machine=$(uname -m)
    case $machine in
        x86_64) machine=amd64 ;;
        aarch64) machine=arm64 ;;
    esac
    printf '{"architecture":"%s","os":"linux","config":{"Cmd":["%s"],"Env":["PATH=%s"]},' \
        "$machine" "$2" "$ENGINE_PATH"
    printf '"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$1"
}

make_archive() { # one archive with both images, as `docker save` would write it
    local pack=$work/pack name layer config manifest=''
    mkdir "$pack"
    image_tree "$work/shell"
    image_tree "$work/web" nginx
    for name in shell web; do
        tar -C "$work/$name" --owner=0 --group=0 --numeric-owner -cf "$pack/layer.tar" .
        layer=$(sha256sum "$pack/layer.tar")
        layer=${layer%% *}
        mkdir "$pack/$layer"
        mv "$pack/layer.tar" "$pack/$layer/"
        if [[ $name == shell ]]; then
            image_json "$layer" /bin/sh >"$pack/shell.json"
        else
            image_json "$layer" /usr/sbin/nginx >"$pack/web.json"
        fi
        config=$(sha256sum "$pack/$name.json")
        config=${config%% *}.json
        mv "$pack/$name.json" "$pack/$config"
        [[ $name == shell ]] && name=$SHELL_IMAGE || name=$WEB_IMAGE
        manifest+="${manifest:+,}{\"Config\":\"$config\",\"RepoTags\":[\"$name\"],\"Layers\":[\"$layer/layer.tar\"]}"
    done
    echo "[$manifest]" >"$pack/manifest.json"
    tar -C "$pack" -cf "$work/images.tar" .
    rm -rf "$pack" "$work/shell" "$work/web"
}

# ---- 1 hosts

make_groups() { # one control group a host in every hierarchy; in version 2 its processes are in a leaf of it
    local host point top
    local -a groups=()
    for point in "${hierarchies[@]}"; do
        top=$point/$RUN
        mkdir "$top"
        if [[ -e $top/cpuset.mems && -e $top/cgroup.clone_children ]]; then
            cat "$point/cpuset.cpus" >"$top/cpuset.cpus"
            cat "$point/cpuset.mems" >"$top/cpuset.mems"
            echo 1 >"$top/cgroup.clone_children"
        fi
        for host in "${hosts[@]}"; do groups+=("$top/$host"); done
    done
    if [[ -n $leaf_of ]]; then
        for host in "${hosts[@]}"; do groups+=("$leaf_of/$RUN/$host/init"); done
        delegate_controllers "$leaf_of/$RUN"
    fi
    mkdir -p "${groups[@]}"
}

delegate_controllers() { # GROUP of version 2: its hosts get every controller that it has itself
    local controllers
    controllers=$(<"$1/cgroup.controllers")
    [[ -z $controllers ]] || echo "+${controllers// / +}" >"$1/cgroup.subtree_control"
}

boot_switch() { # in a new network namespace
    set -eu
    ip link add br0 type bridge
    ip link set br0 up
    echo "switch up $$" >&3
    exec 3>&- sleep infinity
}

boot_host() { # NAME ADDRESS SWITCH_PID PORT DIRECTORY LEAF: in new namespaces, still on the machine's root
    set -eu
    name=$1
    trap 'echo "$name failed" >&3' EXIT
    local disk=$5 id
    [[ -z $6 ]] || echo 0 >"$6"
    nsenter --net="/proc/$3/ns/net" \
        ip link add "$4" up master br0 type veth peer name eth0 netns "/proc/$$/ns/net"
    printf 'link set lo up\naddr add %s/24 dev eth0\nlink set eth0 up\n' "$2" | ip -batch -
    nft -f "$disk/../firewall"
    echo "$1" >/proc/sys/kernel/hostname
    echo "$1" >"$disk/upper/etc/hostname"
    cat "$disk/../hosts" >"$disk/upper/etc/hosts"
    : >"$disk/upper/etc/resolv.conf"
    read -r id </proc/sys/kernel/random/uuid
    echo "${id//-/}" >"$disk/upper/etc/machine-id"
    mount -a -T "$disk/fstab"
    cd "$disk/root"
    mkdir tmp/machine
    pivot_root . tmp/machine
    cd /
    exec unshare --pid --fork --kill-child bash -c "$(declare -f run_host); run_host $1"
}

run_host() { # NAME: as process 1 of the host; ends with its engine
    set -eu
    name=$1
    trap 'echo "$name failed" >&3' EXIT
    local outside
    read -r outside _ </tmp/machine/proc/self/stat # the machine's proc still, so its number for this process
    mount -t proc proc /proc
    umount -l /tmp/machine
    rmdir /tmp/machine
    echo "$1 up $outside" >&3
    trap - EXIT
    exec 3>&-
    dockerd --host unix:///run/docker.sock &
    wait
}

write_disk() { # HOST: the table of its mounts
    local disk=$work/$1
    local root=$disk/root
    cat >"$disk/fstab" <<END
overlay $root overlay lowerdir=/,upperdir=$disk/upper,workdir=$disk/work 0 0
/dev $root/dev none rbind 0 0
tmpfs $root/dev/shm tmpfs mode=1777 0 0
tmpfs $root/tmp tmpfs mode=1777 0 0
$disk/run $root/run none bind 0 0
$disk/etc-docker $root/etc/docker none bind,X-mount.mkdir 0 0
$disk/docker $root/var/lib/docker none bind,X-mount.mkdir 0 0
sysfs $root/sys sysfs defaults 0 0
${cgroup_lines//ROOT/$root}
END
}

write_common_files() {
    printf '%s' "$hosts_file" >"$work/hosts"
    cat >"$work/firewall" <<'END'
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif "lo" accept
        meta l4proto { icmp, ipv6-icmp } accept
    }
}
END
}

start_host() { # HOST: becomes the process that holds the host's namespaces
    local host=$1 point
    for point in "${hierarchies[@]}"; do echo 0 >"$point/$RUN/$host/cgroup.procs"; done
    exec env -i PATH="$ENGINE_PATH" HOME=/root LANG=C.UTF-8 \
        unshare --cgroup --net --mount --uts --ipc bash -c "$boot; boot_host \"\$@\"" host \
        "$host" "${address[$host]}" "${pid[switch]}" "p${address[$host]##*.}" "$work/$host" \
        "${leaf_of:+$leaf_of/$RUN/$host/init/cgroup.procs}"
}

heard_from() { # NUMBER: wait until so many have said that they are up
    local left=$1 who what process
    while ((left > 0)); do
        read -rt "$DEADLINE" -u "$told" who what process || fail "a host is not up after $DEADLINE s"
        if [[ $what != up ]]; then
            tail -n 5 "$work/$who/log" >&2
            fail "$who: did not start"
        fi
        first[$who]=$process
        left=$((left - 1))
    done
}

make_hosts() {
    local host boot
    local -a folders=()
    for host in "${hosts[@]}"; do folders+=("$work/$host/"{root,upper/etc,work,run,docker,etc-docker}); done
    mkdir -p "${folders[@]}" "$work/switch"
    make_groups
    write_common_files
    boot=$(declare -f boot_switch boot_host run_host)
    unshare --net bash -c "$boot; boot_switch" 3>&"$told" </dev/null >"$work/switch/log" 2>&1 &
    pid[switch]=$!
    for host in "${hosts[@]}"; do write_disk "$host"; done
    heard_from 1
    for host in "${hosts[@]}"; do
        start_host "$host" 3>&"$told" </dev/null >"$work/$host/log" 2>&1 &
        pid[$host]=$!
    done
    heard_from ${#hosts[@]}
}

# ---- 2 engines

wait_for_engine() { # HOST: the socket takes calls before the engine answers them, so one call waits for it
    local end=$((SECONDS + DEADLINE))
    until [[ -S $work/$1/run/docker.sock ]] && d "$1" version >/dev/null 2>&1; do
        if ((SECONDS > end)) || ! kill -0 "${pid[$1]}" 2>/dev/null; then
            tail -n 5 "$work/$1/log" >&2
            fail "$1: its engine does not answer"
        fi
        pause
    done
}

# ---- 3 ports

open_ports() { # HOST: to the swarm's hosts only; and count the VXLAN packets that arrive
    local swarm="${address[*]}" manager=''
    [[ $1 != manager ]] || manager='add rule inet filter input ip saddr @swarm tcp dport 2377 accept'
    in_network_of "$1" nft -f - <<END
add set inet filter swarm { type ipv4_addr; elements = { ${swarm// /, } }; }
add counter inet filter vxlan
insert rule inet filter input udp dport 4789 counter name vxlan
$manager
add rule inet filter input ip saddr @swarm tcp dport 7946 accept
add rule inet filter input ip saddr @swarm udp dport { 4789, 7946 } accept
END
}

# ---- 4 images, 5 swarm, 6 overlay and containers

load_images() { d "$1" load -qi "$work/images.tar" >/dev/null; }

join_swarm() {
    d "$1" swarm join --token "$token" --advertise-addr "${address[$1]}" "${address[manager]}:2377" >/dev/null
}

all_ready() {
    local -a status
    mapfile -t status < <(d manager node ls --format '{{.Status}}')
    [[ ${status[*]} == "${hosts[*]/*/Ready}" ]]
}

form_swarm() {
    local token end=$((SECONDS + DEADLINE))
    d manager swarm init --advertise-addr "${address[manager]}" >/dev/null
    token=$(d manager swarm join-token -q worker)
    each join_swarm "${workers[@]}"
    until all_ready; do
        ((SECONDS < end)) || fail "not every node is Ready after $DEADLINE s"
        pause
    done
    d manager swarm join-token -q --rotate worker >/dev/null
    d manager swarm join-token -q --rotate manager >/dev/null
}

# An engine gives a start 20 s to get its address from the manager, and a start keeps a processor busy for one
# second, mostly: thirty at once on two processors fail for no other reason.
start_containers() {
    local at_once
    at_once=$((2 * $(nproc)))
    each start_container "${hosts[@]}"
}

start_container() { d "$1" run -dit --name "ping-$1" --network "$NETWORK" "$SHELL_IMAGE" >/dev/null; }

# ---- 7 matrix

ping_pair() { # "FROM TO": until it went without loss, because a new name takes a moment to reach the other hosts
    local from=${1% *} to=${1#* } said end=$((SECONDS + DEADLINE))
    until said=$(d "$from" exec "ping-$from" ping -c $PINGS ${quick:+-i 0.2} "ping-$to" 2>&1) &&
        [[ $said == *"$PINGS packets received, 0% packet loss"* ]]; do
        ((SECONDS < end)) || fail "ping from $from to $to: $said"
        pause
    done
}

ping_all_from() { # HOST: its targets one after the other
    local target
    for target in ${targets[$1]}; do ping_pair "$1 $target"; done
}

count_vxlan() { # HOST: the packets that arrived so far, into a file
    local said
    said=$(in_network_of "$1" nft list counter inet filter vxlan)
    [[ $said =~ packets\ ([0-9]+) ]] || fail "$1: no counter of VXLAN packets"
    echo "${BASH_REMATCH[1]}" >"$work/$1/vxlan"
}

ping_matrix() {
    local host target wanted count
    local -A crossing=()
    local -a pairs=()
    each count_vxlan "${hosts[@]}"
    for host in "${hosts[@]}"; do
        seen[$host]=$(<"$work/$host/vxlan")
        for target in ${targets[$host]}; do
            pairs+=("$host $target")
            crossing[$host]=$((${crossing[$host]-0} + PINGS))     # the answers
            crossing[$target]=$((${crossing[$target]-0} + PINGS)) # the requests
        done
    done
    if [[ -n $quick ]]; then
        each ping_pair "${pairs[@]}"
    else
        each ping_all_from "${hosts[@]}"
    fi
    each count_vxlan "${hosts[@]}"
    for host in "${hosts[@]}"; do
        wanted=${crossing[$host]}
        count=$(($(<"$work/$host/vxlan") - seen[$host]))
        ((count >= wanted)) || fail "$host: $count VXLAN packets arrived, at least $wanted were to be expected"
    done
}

# ---- memory and 8 removal

print_memory() {
    local host point file
    for host in "${hosts[@]}"; do
        for point in "${hierarchies[@]}"; do
            for file in "$point/$RUN/$host"/memory.{max_usage_in_bytes,peak}; do
                [[ ! -e $file ]] || printf 'memory %-10s %d\n' "$host" $(($(<"$file") >> 20))
            done
        done
    done
}

end_processes() { # the jobs of this shell; of a host its process 1, with which the kernel ends all others
    local job host stderr
    local -A running=()
    exec {stderr}>&2 2>/dev/null # the shell would report every job that is killed
    for job in $(jobs -pr); do running[$job]=$job; done
    for host in "${!first[@]}"; do
        [[ -z ${running[${pid[$host]}]-} ]] || running[${pid[$host]}]=${first[$host]}
    done
    ((${#running[@]} == 0)) || kill -KILL "${running[@]}" || :
    wait || :
    jobs >/dev/null
    exec 2>&"$stderr" {stderr}>&-
}

remove_groups() { # a group goes when nothing is left in it
    local point end=$((SECONDS + DEADLINE))
    local -a left pids
    while :; do
        left=()
        for point in "${hierarchies[@]}"; do [[ ! -d $point/$RUN ]] || left+=("$point/$RUN"); done
        ((${#left[@]} > 0)) || return 0
        if find "${left[@]}" -depth -type d -delete 2>/dev/null; then continue; fi
        mapfile -t pids < <(find "${left[@]}" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u)
        ((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2>/dev/null || :
        if ((SECONDS > end)); then
            echo "floor: left over: ${left[*]}" >&2
            return 1
        fi
        pause
    done
}

remove_all() {
    end_processes
    remove_groups
    rm -rf "$work"
}

clean_up() { # on every way out
    local code=$?
    trap '' INT TERM HUP
    trap - EXIT
    set +e
    remove_all || code=1
    exit "$code"
}

main() {
    local lap_start start end never told
    local -A controller=()
    local name
    read_arguments "$@"
    check_machine
    while read -r name _; do controller[$name]=yes; done </proc/cgroups
    find_hierarchies
    plan
    trap clean_up EXIT
    trap 'trap "" HUP INT TERM; exit 129' HUP
    trap 'trap "" HUP INT TERM; exit 130' INT
    trap 'trap "" HUP INT TERM; exit 143' TERM
    work=$(mktemp -d "/var/tmp/$RUN.XXXXXX")
    export DOCKER_CONFIG=$work/cli
    mkfifo "$work/told" "$work/never"
    exec {told}<>"$work/told" {never}<>"$work/never"
    make_archive

    now start
    lap_start=$start
    make_hosts
    lap hosts
    each wait_for_engine "${hosts[@]}"
    lap engines
    each open_ports "${hosts[@]}"
    lap ports
    each load_images "${hosts[@]}"
    lap images
    form_swarm
    lap swarm
    d manager network create -d overlay --attachable "$NETWORK" >/dev/null
    lap overlay
    start_containers
    lap containers
    ping_matrix
    lap matrix
    now end
    print_lap total $((end - start))

    print_memory
    now lap_start
    remove_all
    lap down
}

main "$@"
