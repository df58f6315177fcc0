/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/doors.h"

#include <bpf/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

/* ---- what the kernel says of an interface ---- */

static bool ask(const char *name, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(request->ifr_name, sizeof request->ifr_name, "%s", name);
	bool good = fd >= 0 && ioctl(fd, what, request) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

/* The other end of a virtual pair drops what is sent natively unless it polls. */
static bool is_virtual_pair(const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (char *)&info};
	return ask(name, SIOCETHTOOL, &request) && strcmp(info.driver, "veth") == 0;
}

/* The loopback, tunnels: no stations, and what the program takes for one's address is not. */
static bool has_stations(const char *name)
{
	struct ifreq request = {.ifr_flags = 0};
	return !ask(name, SIOCGIFHWADDR, &request) ||
	       request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

int hf_xdp_door_exists(const struct hf_xdp_door *door)
{
	if (!if_nametoindex(door->name))
		return -ENODEV;
	return has_stations(door->name) ? 0 : -EAFNOSUPPORT;
}

/* ---- coming and going ---- */

static int link_at(int program_fd, uint32_t ifindex, bool native)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts,
		.flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(program_fd, (int)ifindex, BPF_XDP, &opts);
	return fd < 0 ? -errno : fd;
}

static bool is_taken(int error)
{
	return error == -EBUSY || error == -EEXIST; /* the second: in the other mode */
}

/* Would another mode be no better? */
static bool is_final(int error)
{
	return is_taken(error) || error == -EPERM || error == -ENODEV;
}

/* At the driver, and if it cannot do that, behind it; or only as asked. */
static int attach(struct hf_xdp_door *door, int program_fd)
{
	bool both = door->may_native && door->may_generic;
	if (!has_stations(door->real))
		return -EAFNOSUPPORT;
	door->native = door->may_native && !(both && is_virtual_pair(door->real));
	int link = door->native ? link_at(program_fd, door->ifindex, true) : -EOPNOTSUPP;
	if (link < 0 && door->may_generic && !is_final(link)) {
		door->native = false;
		link = link_at(program_fd, door->ifindex, false);
	}
	door->link = link < 0 ? -1 : link;
	return link < 0 ? link : 0;
}

void hf_xdp_door_leave(struct hf_xdp_door *door)
{
	if (door->link >= 0)
		close(door->link);
	door->link = -1;
}

/* Has the interface that the link was made for gone? Another may have its number. */
static bool is_defunct(int link)
{
	struct bpf_link_info info = {.type = 0};
	uint32_t len = sizeof info;
	return bpf_obj_get_info_by_fd(link, &info, &len) == 0 && info.xdp.ifindex == 0;
}

/* An interface of that name is another now, or there is none: the old one takes the program
 * with it when it ends, but not when it only has another name or namespace. */
static void leave_old(struct hf_xdp_door *door)
{
	uint32_t ifindex = if_nametoindex(door->name);
	if (!ifindex && errno != ENODEV)
		return; /* that could not be asked */
	if (ifindex == door->ifindex && !(door->link >= 0 && is_defunct(door->link)))
		return;
	if (ifindex && door->link >= 0)
		door->told = -ENODEV; /* gone and back between two looks */
	hf_xdp_door_leave(door);
	door->ifindex = ifindex;
	door->error = -ENODEV;
	door->over = false;
}

/* By another name of it: the first counts, or the one that has it. */
static bool is_listed_twice(
	const struct hf_xdp_door *doors, size_t count, const struct hf_xdp_door *door)
{
	for (const struct hf_xdp_door *other = doors; other < doors + count; other++)
		if (other != door && other->ifindex == door->ifindex &&
			(other < door || other->link >= 0))
			return true;
	return false;
}

static int enter(struct hf_xdp_door *doors, size_t count, struct hf_xdp_door *door, int program_fd)
{
	if (!door->ifindex || !if_indextoname(door->ifindex, door->real))
		return -ENODEV;
	if (is_listed_twice(doors, count, door))
		return -EALREADY;
	return attach(door, program_fd);
}

/* ---- words ---- */

const char *hf_xdp_door_why(int error)
{
	switch (error) {
	case -ENODEV: return "there is no such interface";
	case -EBUSY:
	case -EEXIST: return "another program sits there";
	case -EALREADY: return "it is listed by another name, too";
	case -EOPNOTSUPP: return "its driver cannot do that";
	case -EAFNOSUPPORT: return "it carries no Ethernet";
	default: return hf_strerror(error);
	}
}

static const char *remedy(int error)
{
	switch (error) {
	case -ENODEV: return "; sockets answer until there is";
	case -EBUSY:
	case -EEXIST: return " (`ip link show` names it); sockets answer until it goes";
	case -EALREADY: return "";
	case -EPERM:
	case -EACCES:
		return "; it takes CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (see the runbook); "
		       "sockets answer";
	case -EOPNOTSUPP: return "; without a mode it is put behind it if need be; sockets answer";
	default: return "; sockets answer";
	}
}

static void tell(struct hf_xdp_door *door, FILE *complaints)
{
	int error = door->error;
	if (error == door->told)
		return;
	if (!error)
		fprintf(complaints, "listen.xdp: now answering at %s (%s)\n", door->name,
			door->native ? "native" : "generic");
	else
		fprintf(complaints, "listen.xdp: cannot answer at %s: %s%s\n", door->name,
			hf_xdp_door_why(error), remedy(error));
	door->told = error;
}

/* All that is left is left first: two may have exchanged their names. */
void hf_xdp_doors_look(
	struct hf_xdp_door *doors, size_t count, int program_fd, FILE *complaints)
{
	for (size_t d = 0; d < count; d++)
		leave_old(&doors[d]);
	for (struct hf_xdp_door *door = doors; door < doors + count; door++) {
		if (door->link >= 0 || door->over)
			continue;
		int error = enter(doors, count, door, program_fd);
		door->error = error;
		door->over = error && error != -ENODEV && error != -EALREADY && !is_taken(error);
		tell(door, complaints);
	}
}
