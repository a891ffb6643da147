/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/l2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "l2/responder.h"
#include "loop/loop.h"
#include "vrrp/share.h"
#include "vrrp/vrrp.h"

#include "addresses.h"

/* What becomes of shares and VIPs, with the parts that speak on a network in the test's hands. */

enum { SECOND = 1000 * 1000 };

static struct {
	uint64_t now;
	uint32_t owned, impaired;
	struct ipaddr nowhere; /* no interface answers for it */
	bool all_rivals;
	void (*on_change)(void *ud); /* of shares */
	void *l2;
} world;

uint64_t __wrap_loop_clock(void);
int __wrap_vrrp_start(struct vrrp **ret, sd_event *loop, const struct config *c,
	const struct site *site, const struct vrrp_ops *ops, void *ud, struct err *e);
struct vrrp *__wrap_vrrp_free(struct vrrp *v);
void __wrap_vrrp_set_impaired(struct vrrp *v, uint32_t shares);
void __wrap_vrrp_take_part(struct vrrp *v, bool takes_part);
uint32_t __wrap_vrrp_owned(const struct vrrp *v);
int __wrap_responder_open(struct responder **ret, sd_event *loop, struct sockets *node,
	const struct config *c, void (*on_change)(void *ud), void *ud, struct err *e);
void __wrap_responder_set(struct responder *r, const struct prefixes *owned);
const char *__wrap_responder_interface(const struct responder *r, const struct ipaddr *vip);
const char *__wrap_responder_rival(const struct responder *r, const struct ipaddr *vip);
struct responder *__wrap_responder_close(struct responder *r);

uint64_t __wrap_loop_clock(void)
{
	return world.now;
}

int __wrap_vrrp_start(struct vrrp **ret, sd_event *loop, const struct config *c,
	const struct site *site, const struct vrrp_ops *ops, void *ud, struct err *e)
{
	(void)loop, (void)c, (void)site, (void)e;
	world.on_change = ops->on_change;
	world.l2 = ud;
	*ret = NULL;
	return 0;
}

struct vrrp *__wrap_vrrp_free(struct vrrp *v)
{
	return v;
}

void __wrap_vrrp_set_impaired(struct vrrp *v, uint32_t shares)
{
	(void)v;
	world.impaired = shares;
}

void __wrap_vrrp_take_part(struct vrrp *v, bool takes_part)
{
	(void)v, (void)takes_part;
}

uint32_t __wrap_vrrp_owned(const struct vrrp *v)
{
	(void)v;
	return world.owned;
}

int __wrap_responder_open(struct responder **ret, sd_event *loop, struct sockets *node,
	const struct config *c, void (*on_change)(void *ud), void *ud, struct err *e)
{
	(void)loop, (void)node, (void)c, (void)on_change, (void)ud, (void)e;
	*ret = NULL;
	return 0;
}

void __wrap_responder_set(struct responder *r, const struct prefixes *owned)
{
	(void)r, (void)owned;
}

const char *__wrap_responder_interface(const struct responder *r, const struct ipaddr *vip)
{
	(void)r;
	return ipaddr_equal(vip, &world.nowhere) ? NULL : "eth0";
}

const char *__wrap_responder_rival(const struct responder *r, const struct ipaddr *vip)
{
	(void)r, (void)vip;
	return world.all_rivals ? "02:00:00:00:00:07" : NULL;
}

struct responder *__wrap_responder_close(struct responder *r)
{
	return r;
}

static void nothing(void *ud)
{
	(void)ud;
}

static int setup(void **state)
{
	static const struct l2_ops ops = {nothing, nothing};
	struct l2 *l;
	struct err e = {0};

	memset(&world, 0, sizeof world);
	world.now = 1000 * SECOND;
	world.owned = UINT32_MAX;
	assert_int_equal(l2_start(&l, NULL, NULL, NULL, NULL, &ops, NULL, &e), 0);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	l2_free(*state);
	return 0;
}

/* 192.0.2.1 to 192.0.2.n, all of them servable, or none. */
static void see(struct l2 *l, size_t n, bool usable)
{
	CLEANUP_PREFIXES struct prefixes offered = {0};
	struct vip items[256];
	const struct vips vips = {items, n};
	char text[32];

	for (size_t i = 0; i < n; i++) {
		struct ipnet net;

		snprintf(text, sizeof text, "192.0.2.%u/32", (unsigned)i + 1);
		net = net_of(text);
		items[i] = (struct vip){net.addr, usable};
		if (usable)
			prefixes_add(&offered, &net);
	}
	l2_offer(l, &offered);
	l2_weigh(l, &vips, true);
}

static uint32_t shares_of(const char *vip)
{
	const struct ipaddr addr = addr_of(vip);

	return UINT32_C(1) << share_of(&addr);
}

static void what_can_be_served_is_not_impaired(void **state)
{
	see(*state, 2, true);
	assert_int_equal(world.impaired, 0);
	see(*state, 2, false);
	assert_int_equal(world.impaired, shares_of("192.0.2.1") | shares_of("192.0.2.2"));
}

static void what_no_interface_answers_for_is_left_to_others(void **state)
{
	world.nowhere = addr_of("192.0.2.1");
	see(*state, 2, true);
	assert_int_equal(world.impaired, shares_of("192.0.2.1"));
	world.nowhere = (struct ipaddr){0};
	see(*state, 2, true);
	assert_int_equal(world.impaired, 0);
}

/* A keepalived that ends takes all of it out of IPVS, and fills it again when it is back. */
static void what_ipvs_has_lost_is_left_to_others_for_a_while(void **state)
{
	see(*state, 2, true);
	see(*state, 0, true);
	assert_int_equal(world.impaired, shares_of("192.0.2.1") | shares_of("192.0.2.2"));
	world.now += 5 * SECOND;
	see(*state, 1, true);
	assert_int_equal(world.impaired, shares_of("192.0.2.2"));
	see(*state, 2, true);
	assert_int_equal(world.impaired, 0);
}

static void what_stays_away_is_deleted(void **state)
{
	see(*state, 2, true);
	see(*state, 1, true);
	world.now += 29 * SECOND;
	see(*state, 1, true);
	assert_int_equal(world.impaired, shares_of("192.0.2.2"));
	world.now += SECOND;
	see(*state, 1, true);
	assert_int_equal(world.impaired, 0);
}

/* Any host of the network can claim them all, and each report goes to the controller. */
static void what_strangers_claim_is_told_in_part(void **state)
{
	json_t *report;

	world.all_rivals = true;
	see(*state, 200, true);
	report = l2_report(*state);
	assert_int_equal(json_array_size(json_object_get(report, "rivals")), LIMIT_L2_RIVALS);
	assert_int_equal(json_array_size(json_object_get(report, "interfaces")), 1);
	json_decref(report);
	report = l2_report_vips(*state);
	assert_int_equal(json_array_size(report), 200);
	json_decref(report);
}

static void own(uint32_t shares)
{
	world.owned = shares;
	world.on_change(world.l2);
}

static void expect_shares(const struct l2 *l, const char *owned, const char *changes)
{
	json_auto_t *report = l2_report(l);
	CLEANUP_FREE char *is = json_dumps(json_object_get(report, "owned"), JSON_COMPACT);
	CLEANUP_FREE char *came = json_dumps(json_object_get(report, "changes"), JSON_COMPACT);

	assert_string_equal(is, owned);
	assert_string_equal(came, changes);
}

/* So that one which comes and goes all the time shows. */
static void each_coming_and_going_of_a_share_is_counted(void **state)
{
	own(0);
	expect_shares(*state, "[]", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]");
	own(1 << 3 | 1 << 15);
	own(1 << 3 | 1 << 15);
	expect_shares(*state, "[3,15]", "[0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,1]");
	own(1 << 15);
	own(1 << 3 | 1 << 15);
	expect_shares(*state, "[3,15]", "[0,0,0,3,0,0,0,0,0,0,0,0,0,0,0,1]");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_can_be_served_is_not_impaired),
		TEST(what_no_interface_answers_for_is_left_to_others),
		TEST(what_ipvs_has_lost_is_left_to_others_for_a_while),
		TEST(what_stays_away_is_deleted),
		TEST(what_strangers_claim_is_told_in_part),
		TEST(each_coming_and_going_of_a_share_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
