# First process of an embedded host, started by `unshare` in new mount, pid, uts, ipc, net and cgroup namespaces.
# Environment: HOST_NAME HOST_ADDRESS HOST_PREFIX HOST_DISK HOST_RUN HOST_PORT SWITCH_PID STATE_HOME LAB_HOSTS
#              CGROUPS ("mount kind options" a line), LOWER (the root that its own is a layer above), DISKS (a mount point
#              of this machine a line), RESOLVER.
# It gives the host its own view of the root file system, its name, its address and its firewall, tells its pid
# (as this machine sees it), and stays as the host's process 1.
set -eu
read -r pid rest </proc/self/stat   # /proc is still the machine's, so this is the pid as seen from outside
root=$HOST_DISK/root
mkdir -p "$HOST_DISK/upper" "$HOST_DISK/work" "$root" "$HOST_DISK/docker" "$HOST_RUN"
exec 3>"$HOST_DISK/pid.new"

ip link add eth0 type veth peer name "$HOST_PORT" netns "/proc/$SWITCH_PID/ns/net"
ip -batch - <<BATCH
link set lo up
addr add $HOST_ADDRESS/$HOST_PREFIX dev eth0
link set eth0 up
BATCH
nft -f - <<RULES
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		meta l4proto { icmp, ipv6-icmp } accept
	}
}
RULES

mount -t overlay -o "lowerdir=$LOWER,upperdir=$HOST_DISK/upper,workdir=$HOST_DISK/work" overlay "$root"
layer=0
echo "$DISKS" | while read -r disk; do
	[ -n "$disk" ] || continue
	layer=$((layer + 1))
	mkdir -p "$HOST_DISK/disks/$layer/upper" "$HOST_DISK/disks/$layer/work"
	mount -t overlay -o "lowerdir=$disk,upperdir=$HOST_DISK/disks/$layer/upper,workdir=$HOST_DISK/disks/$layer/work" \
		overlay "$root$disk"
done
cd "$root"
if [ "$LOWER" != / ] && [ -d /lib/modules ]; then   # what is loaded belongs to this machine's kernel
	mkdir -p lib/modules
	mount --bind -o ro /lib/modules lib/modules
fi
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=1777 tmpfs tmp
mount --bind "$HOST_RUN" run
mount -t sysfs sysfs sys
echo "$CGROUPS" | while read -r point kind options; do
	[ -n "$point" ] || continue
	if [ "$point" != /sys/fs/cgroup ] && [ ! -d ".$point" ]; then
		mountpoint -q sys/fs/cgroup || mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
		mkdir -p ".$point"
	fi
	mount -t "$kind" ${options:+-o "$options"} "$kind" ".$point"
done
mkdir -p run/lock var/lib/docker ".$STATE_HOME"
mount --bind "$HOST_DISK/docker" var/lib/docker
mount -t tmpfs -o mode=0700,size=4k tmpfs ".$STATE_HOME"

rm -f etc/resolv.conf etc/hostname etc/hosts
echo "$HOST_NAME" >etc/hostname
printf '127.0.0.1\tlocalhost\n%s\n' "$LAB_HOSTS" >etc/hosts
printf '%s' "$RESOLVER" >etc/resolv.conf
if [ ! -e "$HOST_DISK/installed" ]; then
	rm -rf etc/docker etc/machine-id
	mkdir etc/docker
	tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
	: >"$HOST_DISK/installed"
fi
echo "$HOST_NAME" >/proc/sys/kernel/hostname

mkdir -p .machine
pivot_root . .machine
mount -t proc proc /proc
umount -l /.machine
rmdir /.machine
cd /
echo "$pid" >&3
exec 3>&-

# A network namespace that the engine makes starts with the forwarding of the machine, not of this host (Linux,
# ip-sysctl: devconf_inherit_init_net); without it a swarm's load balancers drop what tasks answer.
findmnt --poll=mount --noheadings --raw --output TARGET --types nsfs | while read -r namespace; do
	nsenter --net="$namespace" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' || continue
done &
exec env --ignore-signal=CHLD sleep infinity   # with SIGCHLD ignored, the kernel reaps orphans by itself
