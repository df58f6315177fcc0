/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the files of an audit lie. */
#include <glob.h>
#include <stdlib.h>

#include "base/check.h"
#include "face/audit.h"

#define MATCHES_MAX 16 /* of one pattern */

static const struct {
	const char *pattern;
	hf_audit_parser *parse;
} places[] = {
	{"/etc/resolv.conf", hf_audit_resolv_conf},
	{"/run/systemd/resolve/resolv.conf", hf_audit_resolved_uplink},
	{"/etc/systemd/resolved.conf", hf_audit_resolved_conf},
	{"/etc/systemd/resolved.conf.d/*.conf", hf_audit_resolved_conf},
	{"/run/systemd/netif/leases/*", hf_audit_lease},
	{"/var/lib/dhcp/dhclient*.leases", hf_audit_lease},
	{"/etc/nsswitch.conf", hf_audit_nsswitch},
	{"/etc/docker/daemon.json", hf_audit_docker},
	{"/etc/gai.conf", hf_audit_gai},
	{"/etc/nscd.conf", hf_audit_nscd},
	{"/usr/lib/jvm/*/conf/security/java.security", hf_audit_java},
	{"/usr/lib/jvm/*/jre/lib/security/java.security", hf_audit_java},
};

static char *read_file(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(HF_AUDIT_FILE_MAX) : NULL;
	if (text)
		*ret_len = fread(text, 1, HF_AUDIT_FILE_MAX, file);
	if (file)
		fclose(file);
	return text;
}

/* Notes that it is read; false: it has been, under another name, or there is no room. */
static bool note_file(struct hf_audit *audit, const char *path, const char *name)
{
	char *real = realpath(path, NULL);
	const char *last = real ? real : path;
	bool known = audit->file_count == HF_COUNT_OF(audit->files);
	for (size_t i = 0; !known && i < audit->file_count; i++)
		known = strcmp(audit->real[i], last) == 0;
	const char *kept = known ? NULL : hf_arena_text(&audit->arena, last, strlen(last));
	if (kept && (audit->files[audit->file_count] =
				    hf_arena_text(&audit->arena, name, strlen(name))))
		audit->real[audit->file_count++] = kept;
	free(real);
	return kept;
}

static void read_place(
	struct hf_audit *audit, const char *path, size_t root_len, hf_audit_parser *parse)
{
	size_t len = 0;
	const char *name = path + root_len;
	char *text = read_file(path, &len);
	if (text && note_file(audit, path, name))
		parse(audit, name, text, len);
	free(text);
}

static void read_places(
	struct hf_audit *audit, const char *root, const char *pattern, hf_audit_parser *parse)
{
	char whole[1024];
	glob_t found = {0};
	if (snprintf(whole, sizeof whole, "%s%s", root, pattern) >= (int)sizeof whole)
		return;
	if (glob(whole, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc && i < MATCHES_MAX; i++)
			read_place(audit, found.gl_pathv[i], strlen(root), parse);
	globfree(&found);
}

static void read_java_home(struct hf_audit *audit)
{
	char path[512];
	const char *home = getenv("JAVA_HOME");
	if (home && home[0] == '/' &&
		snprintf(path, sizeof path, "%s/conf/security/java.security", home) <
			(int)sizeof path)
		read_place(audit, path, 0, hf_audit_java);
}

void hf_audit_host(struct hf_audit *audit, const char *root)
{
	static const char *const variables[] = {"HOSTALIASES", "RES_OPTIONS", "LOCALDOMAIN"};
	for (size_t i = 0; i < HF_COUNT_OF(places); i++)
		read_places(audit, root, places[i].pattern, places[i].parse);
	for (size_t i = 0; !*root && i < HF_COUNT_OF(variables); i++)
		hf_audit_variable(audit, variables[i], getenv(variables[i]));
	if (!*root)
		read_java_home(audit);
	hf_audit_conclude(audit);
}
