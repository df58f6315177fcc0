/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/version.h"

#include <jansson.h>
#include <libfyaml.h>
#include <libknot/libknot.h>
#include <microhttpd.h>
#include <sys/utsname.h>

#include "base/check.h"
#include "transport/trust.h"

/* The build defines these three; a file that is compiled by hand does without. */
#ifndef HF_VERSION
#define HF_VERSION "unknown"
#endif
#ifndef HF_BUILD_TYPE
#define HF_BUILD_TYPE "unknown"
#endif
#ifndef HF_SANITIZERS
#define HF_SANITIZERS "unknown"
#endif

const char *hf_version(void)
{
	return HF_VERSION;
}

static void write_version(char buf[static HF_FACT_MAX])
{
	snprintf(buf, HF_FACT_MAX, "%s", HF_VERSION);
}

static void write_compiler(char buf[static HF_FACT_MAX])
{
#ifdef __clang__
	snprintf(buf, HF_FACT_MAX, "clang %s", __clang_version__);
#else
	snprintf(buf, HF_FACT_MAX, "gcc %s", __VERSION__);
#endif
}

static void write_build(char buf[static HF_FACT_MAX])
{
#ifdef HF_DEVELOPMENT
	snprintf(buf, HF_FACT_MAX, "%s, development", HF_BUILD_TYPE);
#else
	snprintf(buf, HF_FACT_MAX, "%s", HF_BUILD_TYPE);
#endif
}

static void write_sanitizers(char buf[static HF_FACT_MAX])
{
	snprintf(buf, HF_FACT_MAX, "%s", HF_SANITIZERS);
}

/* libknot cannot be asked; the build's is its soname's, so they agree. */
static void write_libknot(char buf[static HF_FACT_MAX])
{
	snprintf(buf, HF_FACT_MAX, "%d.%d.%d", KNOT_VERSION_MAJOR, KNOT_VERSION_MINOR,
		KNOT_VERSION_PATCH);
}

static void write_gnutls(char buf[static HF_FACT_MAX])
{
	snprintf(buf, HF_FACT_MAX, "%s", hf_trust_library());
}

static void write_libfyaml(char buf[static HF_FACT_MAX])
{
	snprintf(buf, HF_FACT_MAX, "%s", fy_library_version());
}

static void write_libmicrohttpd(char buf[static HF_FACT_MAX])
{
	snprintf(buf, HF_FACT_MAX, "%s", MHD_get_version());
}

static void write_jansson(char buf[static HF_FACT_MAX])
{
	snprintf(buf, HF_FACT_MAX, "%s", jansson_version_str());
}

static void write_kernel(char buf[static HF_FACT_MAX])
{
	struct utsname name;
	if (uname(&name) < 0)
		snprintf(buf, HF_FACT_MAX, "unknown");
	else
		snprintf(buf, HF_FACT_MAX, "%s %s %s", name.sysname, name.release, name.machine);
}

/* What the loop asks of the kernel, so that a report says it. */
static void write_kernel_features(char buf[static HF_FACT_MAX])
{
	snprintf(buf, HF_FACT_MAX, "epoll, recvmmsg, sendmmsg, SO_REUSEPORT, IP_PKTINFO, IP_RECVERR");
}

const struct hf_fact hf_facts[] = {
	{ "version", true, write_version },
	{ "compiler", true, write_compiler },
	{ "build", true, write_build },
	{ "sanitizers", true, write_sanitizers },
	{ "libknot", true, write_libknot },
	{ "gnutls", true, write_gnutls },
	{ "libfyaml", false, write_libfyaml },
	{ "libmicrohttpd", false, write_libmicrohttpd },
	{ "jansson", false, write_jansson },
	{ "kernel", false, write_kernel },
	{ "kernel_features", false, write_kernel_features },
	{ NULL, false, NULL },
};
