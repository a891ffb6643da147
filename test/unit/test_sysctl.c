/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsutil.h"
#include "base/mem.h"
#include "kernel/sysctl.h"

/* Each test gets a folder that looks like the /proc/sys of a new pod with one interface. */

DEFINE_CLEANUP(struct sysctl_report *, sysctl_report_free);

static const char *const fresh[][2] = {
	{"net/ipv4/ip_forward", "0\n"},
	{"net/ipv4/vs/conntrack", "0\n"},
	{"net/ipv4/vs/expire_nodest_conn", "0\n"},
	{"net/ipv4/vs/expire_quiescent_template", "0\n"},
	{"net/ipv4/vs/sloppy_tcp", "0\n"},
	{"net/ipv4/vs/schedule_icmp", "0\n"},
	{"net/ipv4/conf/all/send_redirects", "1\n"},
	{"net/ipv4/conf/default/send_redirects", "1\n"},
	{"net/ipv4/conf/eth0.7/send_redirects", "1\n"},
	{"net/ipv6/conf/all/forwarding", "0\n"},
};

static char *path_of(void *const *state, const char *name)
{
	return xasprintf("%s/%s", (const char *)*state, name);
}

static void put(void **state, const char *name, const char *text)
{
	CLEANUP_FREE char *path = path_of(state, name);
	struct err e = {0};

	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		assert_int_equal(fs_mkdir(path, &e), 0);
		*p = '/';
	}
	assert_int_equal(fs_write_atomic(path, text, strlen(text), &e), 0);
}

static void assert_holds(void **state, const char *name, const char *value)
{
	CLEANUP_FREE char *path = path_of(state, name), *text = NULL;
	struct err e = {0};
	size_t len;

	assert_int_equal(fs_read(&text, &len, path, 100, &e), 0);
	text[strcspn(text, "\n")] = '\0';
	assert_true(strncmp(text, value, strlen(value)) == 0);
}

static void drop(void **state, const char *name)
{
	CLEANUP_FREE char *path = path_of(state, name);

	assert_int_equal(remove(path), 0);
}

static int set_up(void **state)
{
	char *root = xstrdup("/tmp/kago-sysctl.XXXXXX");

	*state = mkdtemp(root);
	assert_non_null(*state);
	for (size_t i = 0; i < sizeof fresh / sizeof *fresh; i++)
		put(state, fresh[i][0], fresh[i][1]);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int tear_down(void **state)
{
	int r = nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return r;
}

/* Something that behaves otherwise than a file, in a sysctl's place. */
static void link_to(void **state, const char *name, const char *target)
{
	CLEANUP_FREE char *path = path_of(state, name);

	assert_int_equal(remove(path), 0);
	assert_int_equal(symlink(target, path), 0);
}

static const struct sysctl_result *result_of(const struct sysctl_report *r, const char *name)
{
	for (size_t i = 0; i < r->n_results; i++)
		if (strcmp(r->results[i].name, name) == 0)
			return &r->results[i];
	return NULL;
}

static void assert_result(const struct sysctl_report *r, const char *name, enum sysctl_state state)
{
	const struct sysctl_result *result = result_of(r, name);

	assert_non_null(result);
	assert_int_equal(result->state, state);
	if (state != SYSCTL_FAILED)
		assert_null(result->message);
}

static void what_differs_is_set_and_what_fits_is_kept(void **state)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *r = NULL;

	put(state, "net/ipv4/vs/conntrack", "1\n");
	r = sysctl_apply(*state);
	assert_result(r, "net.ipv4.vs.conntrack", SYSCTL_KEPT);
	assert_result(r, "net.ipv4.ip_forward", SYSCTL_SET);
	assert_result(r, "net.ipv6.conf.all.forwarding", SYSCTL_SET);
	assert_result(r, "net.ipv4.vs.expire_nodest_conn", SYSCTL_SET);
	assert_result(r, "net.ipv4.vs.expire_quiescent_template", SYSCTL_SET);
	assert_holds(state, "net/ipv4/ip_forward", "1");
	assert_holds(state, "net/ipv6/conf/all/forwarding", "1");
	assert_holds(state, "net/ipv4/vs/expire_nodest_conn", "1");
}

static void redirects_are_off_on_every_interface(void **state)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *r = sysctl_apply(*state);

	assert_result(r, "net.ipv4.vs.sloppy_tcp", SYSCTL_SET);
	assert_result(r, "net.ipv4.vs.schedule_icmp", SYSCTL_SET);
	assert_result(r, "net.ipv4.conf.all.send_redirects", SYSCTL_SET);
	assert_result(r, "net.ipv4.conf.default.send_redirects", SYSCTL_SET);
	assert_result(r, "net.ipv4.conf.eth0/7.send_redirects", SYSCTL_SET);
	assert_holds(state, "net/ipv4/conf/eth0.7/send_redirects", "0");
}

static void a_second_time_nothing_is_written(void **state)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *first = sysctl_apply(*state);
	CLEANUP(sysctl_report_freep) struct sysctl_report *r = sysctl_apply(*state);

	assert_int_equal(r->n_results, first->n_results);
	for (size_t i = 0; i < r->n_results; i++)
		assert_int_equal(r->results[i].state, SYSCTL_KEPT);
}

static void a_read_only_value_is_named_with_remedy_and_loss(void **state)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *r = NULL;

	link_to(state, "net/ipv4/vs/conntrack", "/proc/sys/kernel/ngroups_max");
	r = sysctl_apply(*state);
	assert_result(r, "net.ipv4.vs.conntrack", SYSCTL_FAILED);
	assert_string_equal(result_of(r, "net.ipv4.vs.conntrack")->message,
		"net.ipv4.vs.conntrack is 65536 and cannot be set to 1 (Permission denied): set it "
		"with securityContext.sysctls or in a privileged init container; without it "
		"replies of NAT Services are lost");
	assert_result(r, "net.ipv4.ip_forward", SYSCTL_SET);
}

static void a_write_without_effect_is_a_failure(void **state)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *r = NULL;

	link_to(state, "net/ipv4/ip_forward", "/dev/null");
	r = sysctl_apply(*state);
	assert_result(r, "net.ipv4.ip_forward", SYSCTL_FAILED);
}

static void looking_writes_nothing(void **state)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *r = NULL;

	put(state, "net/ipv4/vs/conntrack", "1\n");
	drop(state, "net/ipv4/vs/expire_nodest_conn");
	r = sysctl_look(*state);
	assert_result(r, "net.ipv4.vs.conntrack", SYSCTL_KEPT);
	assert_result(r, "net.ipv4.ip_forward", SYSCTL_FAILED);
	assert_string_equal(result_of(r, "net.ipv4.ip_forward")->found, "0");
	assert_string_equal(result_of(r, "net.ipv4.ip_forward")->wanted, "1");
	assert_null(result_of(r, "net.ipv4.vs.expire_nodest_conn")->found);
	assert_holds(state, "net/ipv4/ip_forward", "0");
	assert_holds(state, "net/ipv4/conf/all/send_redirects", "1");
}

static void without_ipvs_its_sysctls_are_missed(void **state)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *r = NULL;

	drop(state, "net/ipv4/vs/conntrack");
	drop(state, "net/ipv4/vs/expire_nodest_conn");
	r = sysctl_apply(*state);
	assert_result(r, "net.ipv4.vs.conntrack", SYSCTL_FAILED);
	assert_int_equal(result_of(r, "net.ipv4.vs.conntrack")->need, SYSCTL_REQUIRED);
	assert_non_null(strstr(result_of(r, "net.ipv4.vs.conntrack")->message, "load ip_vs"));
	assert_result(r, "net.ipv4.vs.expire_nodest_conn", SYSCTL_FAILED);
	assert_int_equal(result_of(r, "net.ipv4.vs.expire_nodest_conn")->need, SYSCTL_ADVISED);
}

static void without_ipv6_nothing_is_missed(void **state)
{
	CLEANUP(sysctl_report_freep) struct sysctl_report *r = NULL;

	drop(state, "net/ipv6/conf/all/forwarding");
	r = sysctl_apply(*state);
	assert_null(result_of(r, "net.ipv6.conf.all.forwarding"));
	for (size_t i = 0; i < r->n_results; i++)
		assert_int_not_equal(r->results[i].state, SYSCTL_FAILED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_differs_is_set_and_what_fits_is_kept),
		TEST(redirects_are_off_on_every_interface),
		TEST(a_second_time_nothing_is_written),
		TEST(a_read_only_value_is_named_with_remedy_and_loss),
		TEST(a_write_without_effect_is_a_failure),
		TEST(looking_writes_nothing),
		TEST(without_ipvs_its_sysctls_are_missed),
		TEST(without_ipv6_nothing_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
