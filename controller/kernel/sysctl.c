/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "base/str.h"

enum { VALUE_MAX = 64 };

struct setting {
	const char *path; /* below the root; '*' stands for all, default and every interface */
	const char *value;
	enum sysctl_need need;
	const char *loss;
};

static const struct setting settings[] = {
	{"net/ipv4/vs/conntrack", "1", SYSCTL_REQUIRED, "replies of NAT Services are lost"},
	{"net/ipv4/ip_forward", "1", SYSCTL_REQUIRED, "replies of NAT Services are lost"},
	{"net/ipv6/conf/all/forwarding", "1", SYSCTL_REQUIRED_IPV6,
		"replies of NAT Services with IPv6 VIPs are lost"},
	{"net/ipv4/vs/expire_nodest_conn", "1", SYSCTL_ADVISED,
		"connections to a removed real server hang until they time out"},
	{"net/ipv4/vs/expire_quiescent_template", "1", SYSCTL_ADVISED,
		"clients with session affinity stay with a real server that drains"},
	{"net/ipv4/vs/sloppy_tcp", "1", SYSCTL_ADVISED,
		"connections through tunnels are reset when they move to this load balancer"},
	{"net/ipv4/vs/schedule_icmp", "1", SYSCTL_ADVISED,
		"pods that are reached through tunnels learn late how large packets may be"},
	{"net/ipv4/conf/*/send_redirects", "0", SYSCTL_ADVISED,
		"neighbours get needless ICMP redirects"},
};

/* sysctl(8) swaps dots and slashes: net/ipv4/conf/eth0.7/... is net.ipv4.conf.eth0/7.... */
static char *dotted(const char *path)
{
	char *name = xstrdup(path);

	for (char *p = name; *p; p++)
		*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	return name;
}

static int read_value(char ret[static VALUE_MAX + 1], const char *file)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;
	int r = fs_read(&text, &len, file, VALUE_MAX, &e);

	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	snprintf(ret, VALUE_MAX + 1, "%s", text);
	return 0;
}

static int write_value(const char *file, const char *value)
{
	CLEANUP_CLOSE int fd = open(file, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static char *missing_message(const char *name, const struct setting *s)
{
	bool of_ipvs = str_has_prefix(s->path, "net/ipv4/vs/");

	return xasprintf("%s does not exist: %s; without it %s", name,
		of_ipvs ? "load ip_vs on the node, built with CONFIG_IP_VS_NFCT"
			: "mount /proc in the container",
		s->loss);
}

static char *unset_message(const char *name, const char *found, int r, const struct setting *s)
{
	return xasprintf("%s is %s and cannot be set to %s (%s): set it with "
			 "securityContext.sysctls or in a privileged init container; without it %s",
		name, found, s->value, r < 0 ? strerror(-r) : "it stays as it is", s->loss);
}

/* The value of the file, in new memory; NULL when it cannot be read. */
static char *value_of(const char *file)
{
	char value[VALUE_MAX + 1];

	return read_value(value, file) < 0 ? NULL : xstrdup(value);
}

static void look_at(struct sysctl_result *ret, const char *file)
{
	ret->found = value_of(file);
	ret->state =
		ret->found && strcmp(ret->found, ret->wanted) == 0 ? SYSCTL_KEPT : SYSCTL_FAILED;
}

static void set(struct sysctl_result *ret, const char *file, const struct setting *s)
{
	CLEANUP_FREE char *now = NULL;

	if (!ret->found) {
		ret->message = missing_message(ret->name, s);
		return;
	}
	ret->refused = write_value(file, s->value);
	now = value_of(file);
	if (ret->refused == 0 && now && strcmp(now, s->value) == 0)
		ret->state = SYSCTL_SET;
	else
		ret->message = unset_message(ret->name, ret->found, ret->refused, s);
}

static void add_result(struct sysctl_report *r, const char *root, const char *file,
	const struct setting *s, bool write)
{
	struct sysctl_result result = {
		.name = dotted(file + strlen(root) + 1),
		.need = s->need,
		.wanted = s->value,
		.loss = s->loss,
	};

	look_at(&result, file);
	if (write && result.state == SYSCTL_FAILED)
		set(&result, file, s);
	r->results = xreallocarray(r->results, r->n_results + 1, sizeof result);
	r->results[r->n_results++] = result;
}

static void visit_setting(
	struct sysctl_report *r, const char *root, const struct setting *s, bool write)
{
	CLEANUP_FREE char *pattern = xasprintf("%s/%s", root, s->path);
	glob_t files = {0};

	if (s->need == SYSCTL_REQUIRED_IPV6 && access(pattern, F_OK) < 0)
		return;
	if (glob(pattern, GLOB_NOCHECK, NULL, &files) != 0)
		mem_exhausted();
	for (size_t i = 0; i < files.gl_pathc; i++)
		add_result(r, root, files.gl_pathv[i], s, write);
	globfree(&files);
}

static struct sysctl_report *visit_all(const char *root, bool write)
{
	struct sysctl_report *r = xnew0(struct sysctl_report);

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		visit_setting(r, root, &settings[i], write);
	return r;
}

struct sysctl_report *sysctl_apply(const char *root)
{
	return visit_all(root, true);
}

struct sysctl_report *sysctl_look(const char *root)
{
	return visit_all(root, false);
}

struct sysctl_report *sysctl_report_free(struct sysctl_report *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; i < r->n_results; i++) {
		free(r->results[i].name);
		free(r->results[i].found);
		free(r->results[i].message);
	}
	free(r->results);
	free(r);
	return NULL;
}
