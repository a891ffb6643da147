/* SPDX-License-Identifier: Apache-2.0 */
#include "check/survey/tools.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/apart.h"
#include "base/mem.h"
#include "clients/nft.h"
#include "keepalived/configtest.h"
#include "loop/child.h"
#include "loop/loop.h"
#include "render/keepalived_conf.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

enum { SECOND = 1000 * 1000, VERSION_TIMEOUT = 10 * SECOND, EXAMPLE_MODE = 0644 };

struct tools {
	sd_event *loop;
	sd_event_source *deadline;
	const struct config *config;
	struct programs_facts *facts;
	struct child *version;
	struct configtest *test;
	int example; /* keepalived.conf in memory */
	void (*done)(void *ud);
	void *ud;
};

static void on_test(void *ud, enum configtest_verdict verdict, const char *complaints)
{
	struct tools *t = ud;

	t->facts->accepted = verdict == CONFIGTEST_ACCEPTED || verdict == CONFIGTEST_WARNED;
	t->facts->warned = verdict == CONFIGTEST_WARNED;
	t->facts->untested = verdict == CONFIGTEST_UNKNOWN;
	t->facts->complaints = xstrdup(complaints);
	t->done(t->ud);
}

/* A virtual server of each family, with the scheduler and the check that Services have by default.
 */
static int render_example(
	char **ret, size_t *ret_len, const struct mustache *template, struct err *e)
{
	static const uint8_t vip4[4] = {192, 0, 2, 1}, real4[4] = {198, 51, 100, 1};
	static const uint8_t vip6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	static const uint8_t real6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};
	struct real_server real_a = {
		.addr = ipaddr_from_bytes(AF_INET, real4), .port = 8080, .weight = 1};
	struct real_server real_b = {
		.addr = ipaddr_from_bytes(AF_INET6, real6), .port = 8080, .weight = 1};
	const struct virtual_server shape = {
		.ns = "example",
		.name = "example",
		.port = 80,
		.protocol = IPPROTO_TCP,
		.scheduler = SCHEDULER_MH,
		.check = {.type = CHECK_TCP, .interval = 5 * SECOND, .timeout = 3 * SECOND},
		.n_reals = 1,
	};
	struct virtual_server a = shape, b = shape;
	const struct virtual_server *const both[] = {&a, &b};

	a.vip = ipaddr_from_bytes(AF_INET, vip4);
	a.reals = &real_a;
	b.vip = ipaddr_from_bytes(AF_INET6, vip6);
	b.reals = &real_b;
	return keepalived_conf_render(ret, ret_len, template, both, 2, e);
}

static int make_example(struct tools *t, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *template = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = mustache_load(&template, t->facts->template_path, e);

	if (r < 0)
		return r;
	r = render_example(&text, &len, template, e);
	if (r < 0)
		return err_wrap(e, "%s", t->facts->template_path);
	/* keepalived reads no file that is executable, as a new one of memory is. */
	t->example = memfd_create("keepalived.conf", MFD_CLOEXEC);
	if (t->example < 0 || fchmod(t->example, EXAMPLE_MODE) < 0 ||
		write(t->example, text, len) != (ssize_t)len)
		return err_errno(e, errno, "keeping an example of keepalived.conf");
	return 0;
}

static void test_example(struct tools *t)
{
	struct err e = {0};

	if (t->facts->template_error || t->facts->keepalived_error ||
		configtest_start_nameless(
			&t->test, t->loop, t->facts->keepalived, t->example, on_test, t, &e) < 0)
		t->done(t->ud);
}

static void on_line(void *ud, const char *line)
{
	struct tools *t = ud;

	if (!t->facts->said)
		t->facts->said = xstrdup(line);
}

static void on_version(void *ud, int status)
{
	struct tools *t = ud;
	char text[64];

	t->version = child_free(t->version);
	loop_timer_stop(t->deadline);
	if (status != 0)
		t->facts->keepalived_error =
			xstrdup(t->facts->said ? t->facts->said : child_status_text(text, status));
	test_example(t);
}

static void on_deadline(void *ud)
{
	struct tools *t = ud;

	t->version = child_free(t->version);
	t->facts->keepalived_error = xstrdup("it does not end");
	test_example(t);
}

static void ask_version(struct tools *t)
{
	static const struct confine confine = {0};
	static const struct child_ops ops = {
		.on_line = on_line, .on_exit = on_version, .confine = &confine};
	const char *const argv[] = {t->facts->keepalived, "--version", NULL};
	struct err e = {0};

	if (loop_timer_new(&t->deadline, t->loop, on_deadline, t, &e) < 0 ||
		child_start(&t->version, t->loop, argv, &ops, t, &e) < 0) {
		t->facts->keepalived_error = xstrdup(e.msg);
		test_example(t);
		return;
	}
	loop_timer_arm(t->deadline, VERSION_TIMEOUT);
}

static int check_template(const char *path, bool ask_nft, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *template = NULL;
	struct nft_order order = {0};
	int r = mustache_load(&template, path, e);

	if (r < 0 || !ask_nft)
		return r;
	order.template = template;
	r = apart(nft_check, &order, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

void tools_check_nft(struct programs_facts *ret, const struct config *config, bool ask_nft)
{
	struct err e = {0};

	ret->nft_path = xstrdup(config->keepalived.nft_template_path);
	ret->nft_asked = ask_nft;
	if (check_template(ret->nft_path, ask_nft, &e) < 0)
		ret->nft_error = xstrdup(e.msg);
}

struct tools *tools_start(sd_event *loop, struct programs_facts *ret, const struct config *config,
	void (*done)(void *ud), void *ud)
{
	struct tools *t = xnew0(struct tools);
	struct err e = {0};

	*t = (struct tools){
		.loop = loop,
		.config = config,
		.facts = ret,
		.example = -1,
		.done = done,
		.ud = ud,
	};
	ret->keepalived = xstrdup(config->keepalived.program);
	ret->template_path = xstrdup(config->keepalived.template_path);
	if (make_example(t, &e) < 0)
		ret->template_error = xstrdup(e.msg);
	ask_version(t);
	return t;
}

struct tools *tools_free(struct tools *t)
{
	if (!t)
		return NULL;
	child_free(t->version);
	configtest_free(t->test);
	sd_event_source_disable_unref(t->deadline);
	closep(&t->example);
	free(t);
	return NULL;
}

void tools_look_at_exec(struct programs_facts *ret, const struct config *config, bool elsewhere)
{
	const char *program = config->exec.program;
	struct stat st;

	if (config->announce != CONFIG_ANNOUNCE_EXEC)
		return;
	ret->exec = xstrdup(program);
	ret->exec_may_be_elsewhere = elsewhere;
	if (stat(program, &st) < 0 || access(program, X_OK) < 0)
		ret->exec_error = xstrdup(strerror(errno));
	else if (!S_ISREG(st.st_mode))
		ret->exec_error = xstrdup("it is no file");
}
