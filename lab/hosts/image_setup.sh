# Makes a host out of a root tree whose packages are installed: sh image_setup.sh TREE host|bare
# A virtual machine gets what is its own (name, keys, addresses) from its firmware at every start; an embedded
# host, whose root this tree is too, gets it from the lab, and starts none of these services.
set -eu
tree=$1 kind=$2
in_tree() { chroot "$tree" "$@"; }

in_tree useradd --create-home --shell /bin/bash lab
in_tree passwd --delete lab >/dev/null
[ "$kind" = bare ] || in_tree usermod --append --groups docker lab
printf 'lab ALL=(ALL:ALL) NOPASSWD: ALL\n' >"$tree/etc/sudoers.d/lab"
chmod 440 "$tree/etc/sudoers.d/lab"
printf 'PasswordAuthentication no\nPermitRootLogin no\nUseDNS no\nMaxStartups 100\n' >"$tree/etc/ssh/sshd_config.d/lab.conf"
# What knocks to see whether sshd is up is no attacker; sshd before 9.8 does not know of penalties.
! grep -q PerSourcePenalties "$tree/usr/sbin/sshd" || echo 'PerSourcePenalties no' >>"$tree/etc/ssh/sshd_config.d/lab.conf"
rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/docker/key.json"
: >"$tree/etc/machine-id"
rm -f "$tree/etc/hostname" "$tree/var/lib/dbus/machine-id"

cat >"$tree/etc/systemd/system/lab-seed.service" <<'UNIT'
[Unit]
Description=What is this host's own: name, keys, addresses
DefaultDependencies=no
RequiresMountsFor=/etc /home
Before=sysinit.target systemd-networkd.service ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=/sbin/modprobe qemu_fw_cfg
ExecStart=/bin/tar --extract --no-overwrite-dir --file=/sys/firmware/qemu_fw_cfg/by_name/opt/swarm-lab/seed/raw --directory=/

[Install]
WantedBy=sysinit.target
UNIT

if [ "$kind" = host ]; then
	mkdir -p "$tree/etc/nftables.d"
	cat >"$tree/etc/nftables.conf" <<'RULES'
#!/usr/sbin/nft -f
table inet filter
delete table inet filter
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 22 accept
	}
}
include "/etc/nftables.d/*.nft"
RULES
	in_tree systemctl --quiet disable ufw.service firewalld.service
	in_tree systemctl --quiet enable nftables.service docker.service
fi

# A session of systemd's for each connection costs a second and serves nobody.
sed -i '/pam_systemd/d' "$tree/etc/pam.d/common-session"

# A host has no name server but the engine's, and no clock to ask.
in_tree systemctl --quiet enable lab-seed.service systemd-networkd.service ssh.service
in_tree systemctl --quiet disable systemd-networkd-wait-online.service
for unit in \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
	man-db.timer systemd-timesyncd.service getty.target serial-getty@ttyS0.service user@.service \
	user-runtime-dir@.service systemd-firstboot.service systemd-hwdb-update.service ldconfig.service \
	systemd-journal-catalog-update.service systemd-network-generator.service systemd-networkd-persistent-storage.service \
	systemd-udev-load-credentials.service modprobe@.service systemd-binfmt.service \
	proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount \
	sys-kernel-tracing.mount systemd-boot-random-seed.service systemd-pcrphase.service systemd-update-utmp.service; do
	ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
mkdir -p "$tree/etc/systemd/journald.conf.d" "$tree/etc/systemd/system-generators"
printf '[Journal]\nStorage=volatile\n' >"$tree/etc/systemd/journald.conf.d/lab.conf"
for generator in "$tree"/usr/lib/systemd/system-generators/*; do
	[ "${generator##*/}" = systemd-fstab-generator ] ||
		ln -sf /dev/null "$tree/etc/systemd/system-generators/${generator##*/}"
done
