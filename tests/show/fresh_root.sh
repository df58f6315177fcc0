#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# From a bare Debian to an answer, and to "N passed, 0 failed", with ./dev alone.
#
#   tests/show/fresh_root.sh [-s SUITE] [-k] [run] [offline] [test]
#
# Makes a minimal Debian in a directory (debootstrap), clones this tree's HEAD
# into it, and then, in the order named (all three by default):
#   run      ./dev run, until `dig @127.0.0.1 -p 5300 localhost` is answered
#   offline  the same in a network namespace without a way out, where 1.1.1.1 is
#            a resolver of ours, with a certificate that the directory trusts: a
#            name is answered through a pinned upstream over TLS
#   test     ./dev test
# SUITE is this machine's own unless named; the mirror is the one that apt uses
# here. -k keeps the directory. Needs root; what it mounts and starts lives in
# namespaces of its own and ends with it.
set -euo pipefail

home=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
pinned=1.1.1.1
pinned_name=cloudflare-dns.com

say()
{
	printf 'fresh_root: %s\n' "$*"
}

die()
{
	printf 'fresh_root: %s\n' "$*" >&2
	exit 1
}

# ---- outside: a directory, and a world that ends with it ----

outside()
{
	local suite='' keep='' word
	while getopts s:k word; do
		case $word in
		s) suite=$OPTARG ;;
		k) keep=yes ;;
		*) exit 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	(($#)) || set -- run offline test
	((EUID == 0)) || die 'needs root'
	for word in debootstrap dig unbound ip git openssl; do
		command -v "$word" >/dev/null || [[ -x /usr/sbin/$word ]] || die "needs $word on this machine"
	done
	# shellcheck source=/dev/null
	[[ $suite ]] || suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	root=$(mktemp -d /var/tmp/fresh-root.XXXXXX)
	chmod 755 "$root"
	if [[ $keep ]]; then
		say "keeping $root"
	else
		trap 'rm -rf --one-file-system "$root"' EXIT
	fi
	unshare --mount --pid --fork --kill-child "$0" inside "$root" "$suite" "$@"
}

# ---- inside ----

# The machine's own Debian mirrors: "URI SUITE COMPONENT" a line.
mirrors()
{
	# shellcheck disable=SC2016 # apt expands
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(CODENAME) $(COMPONENT)' \
		'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u
}

make_root()
{
	local suite=$1 mirror sources
	sources=$(mirrors | grep -E " $suite(-security|-updates)? " || true)
	mirror=$(mirrors | grep -vE -- '-(security|updates|backports)' | head -n 1 | cut -d ' ' -f 1)
	[[ $mirror ]] || die 'apt here knows no Debian mirror; run apt-get update'
	[[ $sources ]] || sources="$mirror $suite main"
	say "making Debian $suite in $root"
	debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
		tail -n 20 "$root.log"
		die 'debootstrap failed'
	}
	rm -f "$root.log"
	printf 'deb %s\n' "${sources//$'\n'/$'\n'deb }" >"$root/etc/apt/sources.list"
	apt-config dump | grep '^Acquire::[a-z]*::Proxy' >"$root/etc/apt/apt.conf.d/10machine" || true
	cp /etc/hosts "$root/etc/hosts"
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount -t tmpfs tmpfs "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
	git clone --quiet "$home" "$root/root/holdfast"
	say "cloned $(git -C "$home" log -1 --format='%h %s')"
}

# Runs a command of the clone, as somebody would who has just logged in.
in_root()
{
	exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LANG=C.UTF-8 TERM=dumb ${http_proxy:+http_proxy="$http_proxy"} \
		/bin/sh -c 'cd /root/holdfast && exec "$@"' sh "$@"
}

ask()
{
	dig @127.0.0.1 -p 5300 +time=1 +tries=1 "$@"
}

# Waits until NAME has ADDRESS, while PID lives; prints what dig said.
wait_for()
{
	local pid=$1 name=$2 address=$3 began=$SECONDS
	until [[ $(ask +short "$name" A 2>/dev/null) == "$address" ]]; do
		kill -0 "$pid" 2>/dev/null || die 'it ended before it answered'
		((SECONDS - began < 900)) || die 'no answer after 15 minutes'
		sleep 0.5
	done
	say "answered $((SECONDS - began)) s after ./dev run:"
	ask "$name" A | grep -vE '^$'
}

stop()
{
	local rc=0
	kill -TERM "$1"
	wait "$1" || rc=$?
	say "stopped, exit code $rc"
	((rc == 0))
}

do_run()
{
	! ask localhost A >/dev/null 2>&1 || die 'somebody answers at 127.0.0.1:5300 already'
	(in_root ./dev run) &
	wait_for $! localhost 127.0.0.1
	stop $!
}

do_offline()
{
	say "a network namespace with nothing in it but lo, and $pinned on lo"
	unshare --net "$0" alone "$root"
}

# A key and certificate for the pinned resolver, of an authority that only the directory
# trusts.
make_certificate()
{
	local world=$1
	(
		cd "$world"
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
			-subj '/CN=fresh root' -keyout ca.key -out ca.pem
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-subj "/CN=$pinned_name" -keyout server.key -out server.csr
		openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
			-extfile <(printf 'subjectAltName=DNS:%s' "$pinned_name") -out server.pem
	) >"$world/openssl.log" 2>&1 || {
		cat "$world/openssl.log"
		die 'no certificate'
	}
	cp "$world/ca.pem" "$root/usr/local/share/ca-certificates/fresh-root.crt"
	(in_root update-ca-certificates) >"$world/ca.log" 2>&1 || die 'the directory trusts nobody'
}

# The whole world is this namespace: one resolver, which knows one zone.
do_alone()
{
	local world upstream
	world=$(mktemp -d "$root/tmp/world.XXXXXX")
	make_certificate "$world"
	ip link set lo up
	ip address add "$pinned/32" dev lo
	cat >"$world/unbound.conf" <<-END
		server:
			interface: $pinned@853
			tls-port: 853
			tls-service-key: "$world/server.key"
			tls-service-pem: "$world/server.pem"
			access-control: 127.0.0.0/8 allow
			access-control: $pinned/32 allow
			do-daemonize: no
			username: ""
			chroot: ""
			directory: "$world"
			pidfile: ""
			use-syslog: no
			log-queries: yes
			verbosity: 0
			module-config: "iterator"
			local-zone: "example." static
			local-data: "shop.example. 300 IN A 192.0.2.80"
		remote-control:
			control-enable: no
	END
	PATH=$PATH:/usr/sbin unbound -c "$world/unbound.conf" 2>"$world/log" &
	upstream=$!
	(in_root ./dev run) &
	wait_for $! shop.example 192.0.2.80
	say "what $pinned was asked:"
	grep -i 'shop.example' "$world/log"
	say 'all addresses and routes that there are:'
	ip -brief address
	ip route
	stop $!
	kill "$upstream"
	wait "$upstream" || true
}

do_test()
{
	local rc=0
	(in_root ./dev test) >"$root/tmp/test.log" 2>&1 || rc=$?
	grep '^dev: ' "$root/tmp/test.log"
	say "./dev test exits $rc; its last line:"
	tail -n 1 "$root/tmp/test.log"
	return $rc
}

inside()
{
	root=$1
	local suite=$2 what
	shift 2
	mount --make-rprivate /
	mount --bind "$root" "$root" # its root is a mount then, as anywhere else: tests unshare
	make_root "$suite"
	for what in "$@"; do
		case $what in
		run | offline | test) "do_$what" ;;
		*) die "no step $what" ;;
		esac
	done
}

case ${1:-} in
inside)
	shift
	inside "$@"
	;;
alone)
	root=$2
	do_alone
	;;
*) outside "$@" ;;
esac
