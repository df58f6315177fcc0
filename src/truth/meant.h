/* SPDX-License-Identifier: GPL-3.0-or-later */
/* meant.h - where an address leads in the end, and whether that is a private place.
 *
 * Story: an IPv4 address can be written as IPv6 (mapped, NAT64), and whoever connects to
 * that comes to the same host. What is ruled out in one form is ruled out in the other.
 * Threads: pure. */
#ifndef HF_TRUTH_MEANT_H
#define HF_TRUTH_MEANT_H

#include "base/address.h"

/* The IPv4 address that an IPv6 address leads to (mapped, NAT64), or the address itself. */
struct hf_address hf_address_meant(const struct hf_address *address);

/* Is an address private, loopback or link-local, as given or as meant (RFC 6890)? */
bool hf_address_private(const struct hf_address *address);

#endif
