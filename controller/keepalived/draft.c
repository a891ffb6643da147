/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/draft.h"

#include <errno.h>

#include "keepalived/conf_file.h"
#include "keepalived/configtest.h"
#include "keepalived/vet.h"
#include "loop/errand.h"
#include "render/packaged_template.h"

struct draft {
	sd_event *loop;
	const struct config *config;
	const struct mustache *template;
	char *path;
	bool write_only, is_packaged;
	struct draft_ops ops;
	void *ud;
	struct vet *vet;
	struct errand *writer;
	struct configtest *test;
	enum { IDLE, VETTING, WRITING, TESTING } state;
	struct edition edition;
	const struct edition *in_use;
	uint64_t n_tests;
};

static void end(struct draft *d, enum draft_verdict verdict, const char *why)
{
	d->state = IDLE;
	d->in_use = NULL;
	d->ops.on_verdict(d->ud, verdict, why);
}

static void on_tested(void *ud, enum configtest_verdict verdict, const char *complaints)
{
	struct draft *d = ud;

	d->test = configtest_free(d->test);
	if (verdict == CONFIGTEST_UNKNOWN)
		end(d, DRAFT_UNKNOWN, complaints);
	else if (verdict == CONFIGTEST_REFUSED)
		end(d, DRAFT_REFUSED, complaints);
	else
		end(d, DRAFT_READY, NULL);
}

static void test(struct draft *d)
{
	struct err e = {0};

	d->state = TESTING;
	d->n_tests++;
	if (configtest_start(&d->test, d->loop, d->config->keepalived.program, d->path,
		    d->config->keepalived.state_dir, on_tested, d, &e) < 0)
		end(d, DRAFT_UNKNOWN, e.msg);
}

/* What the template makes of the values is wrong or too long, and would be again. */
static void on_written(void *ud, int result, const struct err *e)
{
	struct draft *d = ud;

	d->writer = errand_free(d->writer);
	if (result < 0)
		end(d, result == -EINVAL || result == -EFBIG ? DRAFT_REFUSED : DRAFT_UNKNOWN,
			e->msg);
	else if (d->write_only || d->is_packaged)
		end(d, DRAFT_READY, NULL);
	else
		test(d);
}

static void write_file(struct draft *d)
{
	const struct conf_file file = {
		d->path, d->template, d->edition.servers, d->edition.n_servers};
	struct err e = {0};

	d->state = WRITING;
	if (errand_start(&d->writer, d->loop, conf_file_write, &file, on_written, d, &e) < 0)
		end(d, DRAFT_UNKNOWN, e.msg);
}

static void on_vetted(void *ud, const char *unknown)
{
	struct draft *d = ud;
	struct edition all;

	if (unknown) {
		end(d, DRAFT_UNKNOWN, unknown);
		return;
	}
	all = draft_take(d);
	d->edition = edition_of(all.fleet, d->ops.leave_out, d->ud);
	edition_done(&all);
	if (edition_same(&d->edition, d->in_use))
		end(d, DRAFT_UNCHANGED, NULL);
	else
		write_file(d);
}

static bool nothing(void *ud, const struct virtual_server *vs)
{
	(void)ud;
	(void)vs;
	return false;
}

void draft_start(struct draft *d, struct fleet *fleet, const struct edition *in_use)
{
	edition_done(&d->edition);
	d->edition = edition_of(fleet, nothing, NULL);
	d->in_use = in_use;
	d->state = VETTING;
	if (d->write_only)
		on_vetted(d, NULL);
	else
		vet_start(d->vet, d->edition.servers, d->edition.n_servers);
}

struct edition draft_take(struct draft *d)
{
	return edition_take(&d->edition);
}

const char *draft_state_name(const struct draft *d)
{
	static const char *const names[] = {"idle", "vetting", "writing", "testing"};

	return names[d->state];
}

uint64_t draft_tests(const struct draft *d)
{
	return d->n_tests + vet_tests(d->vet);
}

bool draft_is_packaged(const struct draft *d)
{
	return d->is_packaged;
}

const char *draft_complaint(const struct draft *d, const struct virtual_server *vs)
{
	return vet_complaint(d->vet, vs);
}

struct draft *draft_new(sd_event *loop, const struct config *config,
	const struct mustache *template, const char *path, bool write_only,
	const struct draft_ops *ops, void *ud)
{
	struct draft *d = xnew0(struct draft);

	d->loop = sd_event_ref(loop);
	d->config = config;
	d->template = template;
	d->path = xstrdup(path);
	d->write_only = write_only;
	d->is_packaged = mustache_is(template, packaged_template, packaged_template_len);
	d->ops = *ops;
	d->ud = ud;
	d->vet = vet_new(loop, config, template, on_vetted, d);
	return d;
}

struct draft *draft_free(struct draft *d)
{
	if (!d)
		return NULL;
	errand_free(d->writer);
	configtest_free(d->test);
	vet_free(d->vet);
	edition_done(&d->edition);
	sd_event_unref(d->loop);
	free(d->path);
	free(d);
	return NULL;
}
