/* SPDX-License-Identifier: Apache-2.0 */
#include "check/sysctls.h"

#include <string.h>

#include "base/str.h"

#define SET_IT                                                                                     \
	"`kago-controller check --fix` in a privileged init container, or the pod's "              \
	"securityContext.sysctls"

static enum finding_level level_of(const struct sysctl_fact *s)
{
	return s->required ? FINDING_ERROR : FINDING_WARNING;
}

static void judge_missing(struct findings *f, const struct sysctl_fact *s)
{
	bool of_ipvs = str_has_prefix(s->name, "net.ipv4.vs.");

	findings_bad(f, level_of(s), "sysctl",
		of_ipvs ? "load ip_vs on the node, built with CONFIG_IP_VS_NFCT"
			: "mount /proc in the container",
		"%s does not exist: %s", s->name, s->loss);
}

static void judge_wrong(struct findings *f, const struct sysctl_fact *s)
{
	if (s->refusal)
		findings_bad(f, level_of(s), "sysctl", SET_IT,
			"%s is %s and cannot be set to %s (%s): %s", s->name, s->found, s->wanted,
			s->refusal, s->loss);
	else
		findings_bad(f, level_of(s), "sysctl", SET_IT, "%s is %s, not %s: %s", s->name,
			s->found, s->wanted, s->loss);
}

static void judge_one(struct findings *f, const struct sysctl_fact *s, bool has_ipv6)
{
	if (s->was_set)
		findings_ok(f, "sysctl", "%s was %s and is %s now", s->name, s->found, s->wanted);
	else if (s->found && strcmp(s->found, s->wanted) == 0)
		findings_ok(f, "sysctl", "%s is %s", s->name, s->found);
	else if (s->for_ipv6 && !has_ipv6)
		findings_ok(
			f, "sysctl", "%s is of no matter: there is no IPv6 address here", s->name);
	else if (!s->found)
		judge_missing(f, s);
	else
		judge_wrong(f, s);
}

void sysctls_judge(struct findings *f, const struct sysctls_facts *s, bool has_ipv6)
{
	for (size_t i = 0; i < s->n_items; i++)
		judge_one(f, &s->items[i], has_ipv6);
}

void sysctls_facts_done(struct sysctls_facts *s)
{
	for (size_t i = 0; i < s->n_items; i++) {
		free(s->items[i].name);
		free(s->items[i].wanted);
		free(s->items[i].found);
		free(s->items[i].loss);
		free(s->items[i].refusal);
	}
	free(s->items);
	*s = (struct sysctls_facts){0};
}
