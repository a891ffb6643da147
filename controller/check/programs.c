/* SPDX-License-Identifier: Apache-2.0 */
#include "check/programs.h"

#include <string.h>

#include "base/str.h"

enum { VERSION_PARTS = 3 };

static const unsigned oldest[VERSION_PARTS] = {2, 2, 7}; /* what the tests ran with */
static const unsigned fast[VERSION_PARTS] = {2, 3, 0};   /* acassen/keepalived#2318 */

bool programs_version(unsigned ret[static VERSION_PARTS], const char *said)
{
	const char *at = strstr(said, " v");

	if (!at)
		return false;
	at += 2;
	for (size_t i = 0; i < VERSION_PARTS; i++) {
		size_t len = strspn(at, "0123456789");
		CLEANUP_FREE char *digits = xasprintf("%.*s", (int)len, at);
		struct err e = {0};
		uint64_t number;

		if (str_to_u64(&number, digits, 0, UINT16_MAX, &e) < 0)
			return false;
		ret[i] = (unsigned)number;
		at += len;
		if (i + 1 < VERSION_PARTS && *at++ != '.')
			return false;
	}
	return true;
}

static bool is_older(const unsigned a[static VERSION_PARTS], const unsigned b[static VERSION_PARTS])
{
	for (size_t i = 0; i < VERSION_PARTS; i++)
		if (a[i] != b[i])
			return a[i] < b[i];
	return false;
}

static void judge_version(struct findings *f, const struct programs_facts *p)
{
	unsigned v[VERSION_PARTS];

	if (!p->said || !programs_version(v, p->said))
		findings_bad(f, FINDING_ERROR, "keepalived",
			"set keepalived.program to keepalived's path; Debian's package is "
			"keepalived",
			"%s does not say which version of keepalived it is", p->keepalived);
	else if (is_older(v, oldest))
		findings_bad(f, FINDING_ERROR, "keepalived", "take keepalived 2.2.7 or newer",
			"%s is version %u.%u.%u, which is too old", p->keepalived, v[0], v[1],
			v[2]);
	else if (is_older(v, fast))
		findings_bad(f, FINDING_WARNING, "keepalived",
			"take keepalived 2.3.0 or newer for more than some hundred health checks",
			"%s is version %u.%u.%u, whose reloads take minutes with thousands of "
			"health checks",
			p->keepalived, v[0], v[1], v[2]);
	else
		findings_ok(
			f, "keepalived", "%s is version %u.%u.%u", p->keepalived, v[0], v[1], v[2]);
}

static void judge_keepalived(struct findings *f, const struct programs_facts *p)
{
	if (p->keepalived_error)
		findings_bad(f, FINDING_ERROR, "keepalived",
			"set keepalived.program to keepalived's path; Debian's package is "
			"keepalived",
			"%s cannot be run: %s", p->keepalived, p->keepalived_error);
	else
		judge_version(f, p);
}

#define CORRECT_TEMPLATE                                                                           \
	"correct the template that keepalived.template names; docs/template.md has its view"

static void judge_example(struct findings *f, const struct programs_facts *p)
{
	const char *said = p->complaints && *p->complaints ? p->complaints : "it does not say why";

	if (p->untested)
		findings_bad(f, FINDING_WARNING, "keepalived.template",
			"see what ends keepalived here, such as a memory limit, and check again",
			"whether keepalived takes what %s makes of an example could not be tested: "
			"%s",
			p->template_path, said);
	else if (!p->accepted)
		findings_bad(f, FINDING_ERROR, "keepalived.template", CORRECT_TEMPLATE,
			"keepalived refuses what %s makes of an example: %s", p->template_path,
			said);
	else if (p->warned)
		findings_bad(f, FINDING_WARNING, "keepalived.template", CORRECT_TEMPLATE,
			"keepalived would run with what %s makes of an example, but not as it "
			"says: %s",
			p->template_path, said);
	else
		findings_ok(f, "keepalived.template",
			"keepalived takes what %s makes of an example", p->template_path);
}

static void judge_template(struct findings *f, const struct programs_facts *p)
{
	if (p->template_error)
		findings_bad(f, FINDING_ERROR, "keepalived.template", CORRECT_TEMPLATE, "%s",
			p->template_error);
	else if (p->keepalived_error)
		findings_ok(f, "keepalived.template", "%s can be filled", p->template_path);
	else
		judge_example(f, p);
}

static void judge_nft_template(struct findings *f, const struct programs_facts *p)
{
	if (p->nft_error)
		findings_bad(f, FINDING_ERROR, "keepalived.nftTemplate",
			"correct the template that keepalived.nftTemplate names; docs/template.md "
			"has its view",
			"%s", p->nft_error);
	else if (!p->nft_asked)
		findings_ok(f, "keepalived.nftTemplate", "%s can be read", p->nft_path);
	else
		findings_ok(f, "keepalived.nftTemplate",
			"nftables takes what %s makes of an example", p->nft_path);
}

static void judge_exec(struct findings *f, const struct programs_facts *p)
{
	if (!p->exec)
		return;
	if (!p->exec_error)
		findings_ok(f, "exec.program", "%s can be run", p->exec);
	else if (p->exec_may_be_elsewhere)
		findings_bad(f, FINDING_WARNING, "exec.program",
			"see that the container exabgp has it (exabgp.extraVolumeMounts); for this "
			"check to see it, too, mount it by ipvs.extraVolumeMounts",
			"%s cannot be run in this container: %s", p->exec, p->exec_error);
	else
		findings_bad(f, FINDING_ERROR, "exec.program",
			"put the program there, with a mode such as 0555", "%s cannot be run: %s",
			p->exec, p->exec_error);
}

void programs_judge(struct findings *f, const struct programs_facts *p)
{
	judge_keepalived(f, p);
	judge_template(f, p);
	judge_nft_template(f, p);
	judge_exec(f, p);
}

void programs_facts_done(struct programs_facts *p)
{
	free(p->keepalived);
	free(p->exec);
	free(p->exec_error);
	free(p->said);
	free(p->keepalived_error);
	free(p->template_path);
	free(p->template_error);
	free(p->complaints);
	free(p->nft_path);
	free(p->nft_error);
}
