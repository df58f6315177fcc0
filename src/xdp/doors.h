/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doors.h - the interfaces that the program is put at, or waits for.
 *
 * Story: a door is an interface as it was listed. Once a second each is looked at: one that
 * has come, also under a name that another had, gets the program; one that has gone, was
 * renamed or was given to another namespace is left, and waited for by the name that was
 * listed. What another program sits at is tried again as often. What failed otherwise is not
 * tried again until the interface is another, or a reload, for a driver may disturb its traffic
 * only to say no. Each change is said once.
 * Threads: from one at a time, but for `native` and `error`, which anybody may read. */
#ifndef HF_XDP_DOORS_H
#define HF_XDP_DOORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct hf_xdp_door {
	char name[16]; /* as it was listed */
	char real[16]; /* as the kernel calls it: the other may be one more name of it */
	uint32_t ifindex;             /* 0: there is none */
	uint16_t mac[3];              /* as on the wire */
	bool may_native, may_generic; /* modes that it was asked for */
	_Atomic bool native;          /* the mode that it has */
	_Atomic int error;            /* 0: the program sits there; else why not */
	int link;                     /* a descriptor, or -1 */
	int told;                     /* the error that was said last */
	bool over;                    /* it is not tried again */
};

/* "eth0", "eth0:native", "eth0:generic". 0, HF_ESYNTAX: no such mode, or -ENAMETOOLONG: no
 * interface can be called so. */
int hf_xdp_door_read(const char *text, struct hf_xdp_door *ret);

/* Once a second: sees to it that the program sits where it should. What has changed is said
 * on `complaints`, a line each. */
void hf_xdp_doors_look(
	struct hf_xdp_door *doors, size_t count, int program_fd, FILE *complaints);

void hf_xdp_door_leave(struct hf_xdp_door *door);

/* What could be said of it before there is a program: 0, -ENODEV, or -EAFNOSUPPORT for one
 * that carries no Ethernet, as the loopback. */
int hf_xdp_door_exists(const struct hf_xdp_door *door);

/* What a door's error means, in words that can stand behind a colon. */
const char *hf_xdp_door_why(int error);

#endif
