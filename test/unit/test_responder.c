/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/responder.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "l2/arp.h"
#include "l2/ndp.h"
#include "loop/loop.h"

#include "await.h"
#include "lan.h"
#include "macs.h"

/* Between real kernels: what a client believes is what its kernel says. */

#define VIP "192.0.2.10"
#define VIP6 "2001:db8::10"

enum { SECOND = 1000 * 1000, TURN = 20 * 1000, PATIENCE = 20 * SECOND, SOON = 10 * 1000 };

static uint64_t later;  /* usec that have passed besides */
static uint64_t frozen; /* usec; 0: the clock goes */

uint64_t __real_loop_clock(void);
uint64_t __wrap_loop_clock(void);
void __real_loop_timer_arm(sd_event_source *timer, uint64_t after);
void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after);

uint64_t __wrap_loop_clock(void)
{
	return (frozen ? frozen : __real_loop_clock()) + later;
}

/* It looks at the clock soon, whatever that says by then. */
void __wrap_loop_timer_arm(sd_event_source *timer, uint64_t after)
{
	__real_loop_timer_arm(timer, after < SOON ? after : SOON);
}

struct fixture {
	sd_event *loop;
	struct lan lan;
	struct responder *responder;
	struct config config;
	struct mac node, client;
	int arp; /* in the client's namespace */
	unsigned n_changes;
};

static void on_stop(void *ud)
{
	(void)ud;
}

static void on_change(void *ud)
{
	struct fixture *f = ud;

	f->n_changes++;
}

static void open_one(struct fixture *f, struct responder **ret)
{
	CLEANUP_SOCKETS struct sockets s = SOCKETS_NONE;
	struct err e = {0};

	assert_int_equal(sockets_make_l2(&s, "", &e), 0);
	if (responder_open(ret, f->loop, &s, &f->config, on_change, f, &e) < 0)
		fail_msg("%s", e.msg);
}

static void open_responder(struct fixture *f)
{
	open_one(f, &f->responder);
}

/* The client hears ARP, and may say anything. */
static int open_arp(const struct lan *lan)
{
	int fd;

	lan_go(lan->client_ns);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
	lan_go(lan->node_ns);
	assert_true(fd >= 0);
	return fd;
}

static int setup(void **state)
{
	static struct fixture f;
	struct err e = {0};

	*state = NULL;
	f = (struct fixture){0};
	later = frozen = 0;
	if (!lan_open(&f.lan))
		return 0;
	lan_add(f.lan.node, "lan0", "192.0.2.1/24", 0);
	lan_add(f.lan.node, "lan0", "2001:db8::1/64", IFA_F_NODAD);
	lan_add(f.lan.client, "lan1", "192.0.2.2/24", 0);
	lan_add(f.lan.client, "lan1", "2001:db8::2/64", IFA_F_NODAD);
	f.node = lan_mac(f.lan.node, "lan0");
	f.client = lan_mac(f.lan.client, "lan1");
	f.arp = open_arp(&f.lan);
	assert_int_equal(loop_new(&f.loop, on_stop, NULL, &e), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (!f)
		return 0;
	responder_close(f->responder);
	sd_event_unref(f->loop);
	close(f->arp);
	lan_close(&f->lan);
	return 0;
}

static struct fixture *need(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void own_by(struct responder *r, const char *const vips[], size_t n)
{
	CLEANUP_PREFIXES struct prefixes p = {0};

	for (size_t i = 0; i < n; i++) {
		const struct ipnet net = net_of(vips[i]);

		prefixes_add(&p, &net);
	}
	responder_set(r, &p);
}

static void own(struct fixture *f, const char *const vips[], size_t n)
{
	own_by(f->responder, vips, n);
}

static void own_both(struct fixture *f)
{
	static const char *const both[] = {VIP, VIP6};

	own(f, both, 2);
}

static bool believes(const struct fixture *f, const char *vip, const struct mac *mac)
{
	struct mac found;

	return lan_knows(&f->lan, vip, &found) && mac_equal(&found, mac);
}

static bool knows_nothing(const struct fixture *f, const char *vip)
{
	struct mac found;

	return !lan_knows(&f->lan, vip, &found);
}

static void say_at(const struct fixture *f, const char *name, const struct arp *a)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = lan_index(f->lan.client, name),
		.sll_halen = MAC_BYTES};
	uint8_t data[ARP_BYTES];

	memset(to.sll_addr, 0xff, MAC_BYTES);
	arp_build(data, a);
	assert_int_equal(sendto(f->arp, data, sizeof data, 0, (struct sockaddr *)&to, sizeof to),
		sizeof data);
}

static void say(const struct fixture *f, const struct arp *a)
{
	say_at(f, "lan1", a);
}

/* Of the next ARP that the client has heard; false: there is none. */
static bool hear(const struct fixture *f, struct arp *ret)
{
	uint8_t data[64];
	ssize_t len;

	while ((len = recv(f->arp, data, sizeof data, MSG_DONTWAIT)) > 0)
		if (arp_parse(ret, data, (size_t)len))
			return true;
	return false;
}

static bool is_probe(const struct arp *a)
{
	const struct ipaddr nobody = addr_of("0.0.0.0");

	return a->op == ARP_REQUEST && ipaddr_equal(&a->sender, &nobody);
}

/* What the node has said to all, as far as the client has heard it. */
struct words {
	unsigned n_announcements, n_probes;
};

static struct words hear_all(const struct fixture *f)
{
	struct words w = {0};
	struct arp a;

	while (hear(f, &a)) {
		if (!mac_equal(&a.sender_mac, &f->node))
			continue;
		w.n_announcements += arp_is_announcement(&a);
		w.n_probes += is_probe(&a);
	}
	return w;
}

static unsigned count_announcements(const struct fixture *f)
{
	return hear_all(f).n_announcements;
}

static unsigned count_probes(const struct fixture *f)
{
	return hear_all(f).n_probes;
}

/* What becomes of `n` in the turns of the loop until it is as wanted. */
#define AWAIT_ANNOUNCEMENTS(f, wanted)                                                             \
	do {                                                                                       \
		unsigned n_ = 0;                                                                   \
		AWAIT(f, (n_ += count_announcements(f)) >= (wanted));                              \
	} while (0)

/* In so many turns all has its own that is there, the timer among it. */
static void let_pass(struct fixture *f, uint64_t usec)
{
	later += usec;
	for (unsigned i = 0; i < 10; i++)
		assert_true(sd_event_run(f->loop, TURN) >= 0);
}

static void test_without_sockets_it_says_what_to_do(void **state)
{
	struct sockets none = SOCKETS_NONE;
	struct responder *r = NULL;
	static char supplier[] = "unix:/s", nowhere[] = "";
	struct config c = {.node = {.netns = supplier}};
	struct err e = {0};

	(void)state;
	assert_int_equal(responder_open(&r, NULL, &none, &c, NULL, NULL, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "--l2"));
	assert_non_null(strstr(e.msg, "CAP_NET_RAW"));
	c.node.netns = nowhere;
	assert_int_equal(responder_open(&r, NULL, &none, &c, NULL, NULL, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "node.netns"));
	assert_null(r);
}

static void test_a_client_finds_our_vips_and_no_others(void **state)
{
	struct fixture *f = need(state);

	open_responder(f);
	own_both(f);
	lan_send(&f->lan, "192.0.2.11");
	lan_send(&f->lan, "2001:db8::11");
	lan_send(&f->lan, VIP);
	lan_send(&f->lan, VIP6);
	AWAIT(f, believes(f, VIP, &f->node) && believes(f, VIP6, &f->node));
	assert_true(knows_nothing(f, "192.0.2.11") && knows_nothing(f, "2001:db8::11"));
}

static void test_what_is_given_away_is_answered_for_no_more(void **state)
{
	static const char *const second[] = {"192.0.2.20"};
	struct fixture *f = need(state);

	open_responder(f);
	own_both(f);
	own(f, second, 1);
	lan_send(&f->lan, VIP);
	lan_send(&f->lan, VIP6);
	lan_send(&f->lan, second[0]);
	AWAIT(f, believes(f, second[0], &f->node));
	assert_true(knows_nothing(f, VIP) && knows_nothing(f, VIP6));
}

static void test_a_take_over_changes_what_clients_believe(void **state)
{
	const struct mac old = mac_number(9);
	struct fixture *f = need(state);

	open_responder(f);
	lan_believe(&f->lan, VIP, &old);
	lan_believe(&f->lan, VIP6, &old);
	assert_true(believes(f, VIP, &old) && believes(f, VIP6, &old));
	own_both(f);
	AWAIT(f, believes(f, VIP, &f->node) && believes(f, VIP6, &f->node));
}

/* Whether the node has told switches of the group in which it is asked for VIP6. */
static bool is_in_group(const char *name)
{
	FILE *groups = fopen("/proc/thread-self/net/igmp6", "re");
	char line[256];
	bool found = false;

	assert_non_null(groups);
	while (!found && fgets(line, sizeof line, groups)) {
		if (strstr(line, "ff0200000000000000000001ff000010") && strstr(line, name))
			found = true;
	}
	fclose(groups);
	return found;
}

static void test_the_groups_of_our_vips_are_joined_and_left(void **state)
{
	static const char *const one[] = {VIP};
	struct fixture *f = need(state);

	open_responder(f);
	assert_false(is_in_group("lan0"));
	own_both(f);
	assert_true(is_in_group("lan0"));
	own(f, one, 1);
	assert_false(is_in_group("lan0"));
	own_both(f);
	f->responder = responder_close(f->responder);
	assert_false(is_in_group("lan0"));
}

static void test_a_vip_is_made_known_again_and_again(void **state)
{
	struct fixture *f = need(state);

	open_responder(f);
	own_both(f);
	AWAIT_ANNOUNCEMENTS(f, 1);
	later += SECOND;
	AWAIT_ANNOUNCEMENTS(f, 1);
	later += 10 * SECOND;
	AWAIT_ANNOUNCEMENTS(f, 1);
	let_pass(f, 10 * SECOND);
	count_announcements(f);
	let_pass(f, 30 * SECOND);
	assert_int_equal(count_announcements(f), 0);
	let_pass(f, 30 * SECOND);
	assert_int_equal(count_announcements(f), 1);
}

static struct arp question_of(const struct fixture *f, const char *vip)
{
	return (struct arp){.op = ARP_REQUEST,
		.sender_mac = f->client,
		.sender = addr_of("192.0.2.2"),
		.target = addr_of(vip)};
}

/* RFC 5227, section 2.1.1: who wants the address for itself asks first. */
static void test_a_probe_is_answered(void **state)
{
	static const char *const one[] = {VIP};
	struct fixture *f = need(state);
	struct arp probe = question_of(f, VIP);
	struct arp answer = {0};

	probe.sender = addr_of("0.0.0.0");
	open_responder(f);
	own(f, one, 1);
	say(f, &probe);
	AWAIT(f, answer.op == ARP_REPLY || (hear(f, &answer) && answer.op == ARP_REPLY));
	assert_mac(&answer.sender_mac, &f->node);
	assert_true(ipaddr_equal(&answer.sender, &probe.target));
	assert_true(ipaddr_equal(&answer.target, &probe.sender));
}

static bool has_failed(const struct fixture *f, const char *address)
{
	struct nl_cache *all = NULL;
	struct nl_addr *local;
	struct rtnl_addr *one;
	bool failed;

	assert_int_equal(nl_addr_parse(address, AF_INET6, &local), 0);
	assert_int_equal(rtnl_addr_alloc_cache(f->lan.client, &all), 0);
	one = rtnl_addr_get(all, lan_index(f->lan.client, "lan1"), local);
	failed = one && (rtnl_addr_get_flags(one) & IFA_F_DADFAILED);
	if (one)
		rtnl_addr_put(one);
	nl_cache_free(all);
	nl_addr_put(local);
	return failed;
}

static void test_a_client_that_wants_the_vip_for_itself_does_not_get_it(void **state)
{
	struct fixture *f = need(state);

	open_responder(f);
	own_both(f);
	lan_add(f->lan.client, "lan1", VIP6 "/64", 0);
	AWAIT(f, has_failed(f, VIP6 "/64"));
}

static const char *rival_of(const struct fixture *f, const char *vip)
{
	const struct ipaddr addr = addr_of(vip);

	return responder_rival(f->responder, &addr);
}

/* Another network of the node has nothing to do with it. */
static void test_on_other_interfaces_nothing_is_answered_or_believed(void **state)
{
	static const char *const one[] = {VIP};
	const struct ipaddr vip = addr_of(VIP);
	const struct mac other = mac_number(9);
	struct fixture *f = need(state);
	const struct arp question = question_of(f, VIP), lie = arp_announcement(&vip, &other);
	struct arp a = {0};

	open_responder(f);
	own(f, one, 1);
	lan_connect(&f->lan, "lan2", "lan3");
	lan_set_up(f->lan.node, "lan2", true);
	lan_set_up(f->lan.client, "lan3", true);
	let_pass(f, 4 * SECOND);
	count_announcements(f);
	say_at(f, "lan3", &question);
	say_at(f, "lan3", &lie);
	let_pass(f, 0);
	let_pass(f, 4 * SECOND);
	while (hear(f, &a))
		assert_true(a.op != ARP_REPLY && !is_probe(&a));
	assert_null(rival_of(f, VIP));
	assert_int_equal(f->n_changes, 0);
	say_at(f, "lan1", &question);
	AWAIT(f, a.op == ARP_REPLY || (hear(f, &a) && a.op == ARP_REPLY));
}

static void claim(const struct fixture *f, const struct mac *mac)
{
	const struct ipaddr vip = addr_of(VIP);
	const struct arp a = arp_announcement(&vip, mac);

	say(f, &a);
}

/* As AWAIT, when the clock does not go. */
#define AWAIT_FROZEN(f, condition)                                                                 \
	do {                                                                                       \
		for (unsigned i_ = 0; i_ < PATIENCE / TURN && !(condition); i_++)                  \
			assert_true(sd_event_run((f)->loop, TURN) >= 0);                           \
		assert_true(condition);                                                            \
	} while (0)

/* So that all that the node has to say is said when it is due, and no answer comes too late. */
static void freeze(struct fixture *f)
{
	frozen = loop_clock();
	open_responder(f);
	own_both(f);
	let_pass(f, 0);
	let_pass(f, SECOND / 4);
	let_pass(f, SECOND);
	let_pass(f, 3 * SECOND);
	f->n_changes = 0;
	hear_all(f);
}

/* As by a load balancer that was frozen, or cut off, and is back. */
static void test_who_says_it_once_is_asked_for_and_no_rival(void **state)
{
	const struct mac other = mac_number(9);
	struct fixture *f = need(state);
	struct words w;

	freeze(f);
	claim(f, &other);
	let_pass(f, 0);
	let_pass(f, 2 * SECOND);
	w = hear_all(f);
	assert_true(w.n_probes == 0 && w.n_announcements == 0);
	let_pass(f, SECOND);
	let_pass(f, SECOND / 2);
	w = hear_all(f);
	assert_true(w.n_probes == 1 && w.n_announcements == 0);
	/* Who has believed it is called back, now and again. */
	let_pass(f, SECOND / 2);
	w = hear_all(f);
	assert_true(w.n_probes == 0 && w.n_announcements == 1);
	let_pass(f, SECOND / 2);
	assert_int_equal(count_announcements(f), 1);
	assert_null(rival_of(f, VIP));
	assert_int_equal(f->n_changes, 0);
}

/* A take-over goes on while who had the VIP says that it has it. */
static void test_a_doubt_silences_nothing(void **state)
{
	const struct mac other = mac_number(9);
	struct fixture *f = need(state);

	frozen = loop_clock();
	open_responder(f);
	own_both(f);
	claim(f, &other);
	let_pass(f, 0);
	assert_int_equal(count_announcements(f), 1);
	claim(f, &other);
	let_pass(f, SECOND / 4);
	assert_int_equal(count_announcements(f), 1);
	let_pass(f, SECOND);
	assert_int_equal(count_announcements(f), 1);
	assert_null(rival_of(f, VIP));
}

static void test_who_claims_it_too_is_told_of_and_not_fought(void **state)
{
	const struct mac other = mac_number(9);
	struct fixture *f = need(state);
	struct words w;

	freeze(f);
	/* However often it says so, it is asked for once. */
	for (unsigned i = 0; i < 50; i++)
		claim(f, &other);
	let_pass(f, 0);
	let_pass(f, 3 * SECOND);
	assert_null(rival_of(f, VIP));
	for (unsigned i = 0; i < 50; i++)
		claim(f, &other);
	AWAIT_FROZEN(f, rival_of(f, VIP));
	assert_string_equal(rival_of(f, VIP), "02:00:00:00:00:09");
	assert_null(rival_of(f, VIP6));
	assert_int_equal(f->n_changes, 1);
	for (unsigned i = 0; i < 4; i++) {
		let_pass(f, 20 * SECOND);
		claim(f, &other);
		let_pass(f, 0);
	}
	w = hear_all(f);
	assert_true(w.n_probes == 1 && w.n_announcements == 0);
	/* Who asks gets an answer. */
	lan_send(&f->lan, VIP);
	AWAIT_FROZEN(f, believes(f, VIP, &f->node));
	let_pass(f, 30 * SECOND);
	w = hear_all(f);
	assert_true(w.n_probes == 1 && w.n_announcements == 0);
	assert_non_null(rival_of(f, VIP));
	let_pass(f, SECOND);
	assert_null(rival_of(f, VIP));
	assert_int_equal(count_announcements(f), 1);
	assert_int_equal(f->n_changes, 2);
}

/* It says so once, and then answers like any host. */
static void become_rival(struct fixture *f)
{
	lan_add(f->lan.client, "lan1", VIP "/24", 0);
	lan_add(f->lan.client, "lan1", VIP6 "/64", IFA_F_NODAD);
	claim(f, &f->client);
	/* It asks for somebody, from there. */
	lan_remove(f->lan.client, "lan1", "2001:db8::2/64");
	lan_send(&f->lan, "2001:db8::77");
	let_pass(f, 0);
	assert_true(!rival_of(f, VIP) && !rival_of(f, VIP6));
	let_pass(f, 3 * SECOND);
}

static void test_who_has_the_address_is_a_rival_until_it_has_it_no_more(void **state)
{
	struct fixture *f = need(state);
	char text[MAC_TEXT];

	freeze(f);
	become_rival(f);
	AWAIT_FROZEN(f, rival_of(f, VIP) && rival_of(f, VIP6));
	assert_string_equal(rival_of(f, VIP), mac_format(text, &f->client));
	assert_string_equal(rival_of(f, VIP6), text);
	for (unsigned i = 0; i < 3; i++) {
		hear_all(f);
		let_pass(f, 30 * SECOND);
		assert_int_equal(count_probes(f), 1);
		let_pass(f, SECOND);
		assert_true(rival_of(f, VIP) && rival_of(f, VIP6));
	}
	lan_remove(f->lan.client, "lan1", VIP "/24");
	lan_remove(f->lan.client, "lan1", VIP6 "/64");
	let_pass(f, 30 * SECOND);
	assert_true(rival_of(f, VIP) && rival_of(f, VIP6));
	let_pass(f, SECOND);
	assert_true(!rival_of(f, VIP) && !rival_of(f, VIP6));
}

static bool has_rivals(const struct responder *r)
{
	const struct ipaddr vip = addr_of(VIP), vip6 = addr_of(VIP6);

	return responder_rival(r, &vip) && responder_rival(r, &vip6);
}

/* As when load balancers do not hear each other by VRRP: both own, and ask for each other. */
static void test_two_owners_are_rivals_of_each_other(void **state)
{
	static const char *const both[] = {VIP, VIP6};
	struct fixture *f = need(state);
	CLEANUP(responder_closep) struct responder *other = NULL;

	frozen = loop_clock();
	open_responder(f);
	lan_go(f->lan.client_ns);
	open_one(f, &other);
	lan_go(f->lan.node_ns);
	own_both(f);
	own_by(other, both, 2);
	let_pass(f, 0);
	assert_false(rival_of(f, VIP) || has_rivals(other));
	let_pass(f, 3 * SECOND);
	AWAIT_FROZEN(f, has_rivals(f->responder) && has_rivals(other));
	let_pass(f, 30 * SECOND);
	let_pass(f, SECOND);
	assert_true(has_rivals(f->responder) && has_rivals(other));
	own_by(other, NULL, 0);
	let_pass(f, 30 * SECOND);
	let_pass(f, SECOND);
	assert_false(rival_of(f, VIP) || rival_of(f, VIP6));
}

/* How many lines with that text the log has got since it went there. */
static unsigned count_lines(FILE *log, const char *text)
{
	char line[1024];
	unsigned n = 0;

	rewind(log);
	while (fgets(line, sizeof line, log))
		n += strstr(line, text) != NULL;
	return n;
}

static void claim_all(struct fixture *f, const struct prefixes *all)
{
	const struct mac other = mac_number(9);

	for (size_t i = 0; i < all->n_items; i++) {
		const struct arp a = arp_announcement(&all->items[i].addr, &other);

		say(f, &a);
		let_pass(f, 0);
	}
}

/* Any host of the network can do so, and the log is not its to fill. */
static void test_of_many_rivals_some_are_named(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = {0};
	struct ipnet net = net_of("192.0.2.100/32");
	struct fixture *f = need(state);
	FILE *log = tmpfile();
	int before = dup(STDERR_FILENO);
	unsigned n_asked[2];

	for (unsigned i = 0; i < LIMIT_L2_RIVALS + 8; i++, ipaddr_step(&net.addr))
		prefixes_add(&p, &net);
	freeze(f);
	responder_set(f->responder, &p);
	for (unsigned i = 0; i < 8; i++)
		let_pass(f, SECOND);
	hear_all(f);
	dup2(fileno(log), STDERR_FILENO);
	claim_all(f, &p);
	let_pass(f, 3 * SECOND);
	n_asked[0] = count_probes(f);
	let_pass(f, 20 * 1000);
	n_asked[1] = count_probes(f);
	claim_all(f, &p);
	dup2(before, STDERR_FILENO);
	close(before);
	/* Questions go to all, so they do not come all at once. */
	assert_true(n_asked[0] == 32 && n_asked[1] == 8);
	assert_int_equal(count_lines(log, "event=l2.conflict "), LIMIT_L2_RIVALS);
	assert_int_equal(count_lines(log, "event=l2.conflicts "), 1);
	fclose(log);
}

static void test_what_we_say_ourselves_is_no_claim(void **state)
{
	struct fixture *f = need(state);

	open_responder(f);
	own_both(f);
	let_pass(f, 4 * SECOND);
	hear_all(f);
	/* As a switch with a loop would send it. */
	claim(f, &f->node);
	let_pass(f, 0);
	let_pass(f, 4 * SECOND);
	assert_int_equal(count_probes(f), 0);
	assert_null(rival_of(f, VIP));
}

/* Nor is it one, or a question of somebody else, what we ask ourselves. */
static void test_our_own_question_comes_back(void **state)
{
	const struct ipaddr vip = addr_of(VIP);
	const struct mac other = mac_number(9);
	struct fixture *f = need(state);
	const struct arp probe = arp_probe(&vip, &f->node);
	struct arp a;

	freeze(f);
	claim(f, &other);
	let_pass(f, 0);
	let_pass(f, 3 * SECOND);
	assert_int_equal(count_probes(f), 1);
	say(f, &probe);
	let_pass(f, 0);
	while (hear(f, &a))
		assert_int_not_equal(a.op, ARP_REPLY);
	let_pass(f, SECOND);
	assert_null(rival_of(f, VIP));
}

static bool answers_on(const struct fixture *f, const char *vip, const char *name)
{
	const struct ipaddr addr = addr_of(vip);

	return str_equal(responder_interface(f->responder, &addr), name);
}

static void test_an_interface_that_gets_its_name_later_works_then(void **state)
{
	static char name[] = "lan7", *names[] = {name};
	static const char *const one[] = {"198.51.100.10"};
	struct fixture *f = need(state);

	f->config.l2.interfaces = names;
	f->config.l2.n_interfaces = 1;
	open_responder(f);
	own(f, one, 1);
	let_pass(f, 0);
	assert_true(answers_on(f, one[0], NULL));
	assert_int_equal(count_announcements(f), 0);
	lan_rename(f->lan.node, "lan0", "lan7");
	AWAIT(f, answers_on(f, one[0], "lan7"));
	assert_true(f->n_changes > 0);
	AWAIT_ANNOUNCEMENTS(f, 1);
}

static void test_an_interface_that_gets_its_network_later_works_then(void **state)
{
	static const char *const both[] = {"198.51.100.10", "2001:db8:1::10"};
	const struct mac old = mac_number(9);
	struct fixture *f = need(state);

	open_responder(f);
	lan_add(f->lan.client, "lan1", "198.51.100.2/24", 0);
	lan_add(f->lan.client, "lan1", "2001:db8:1::2/64", IFA_F_NODAD);
	lan_believe(&f->lan, both[0], &old);
	lan_believe(&f->lan, both[1], &old);
	own(f, both, 2);
	let_pass(f, 100 * SECOND);
	assert_true(answers_on(f, both[0], NULL) && answers_on(f, both[1], NULL));
	assert_true(believes(f, both[0], &old) && believes(f, both[1], &old));
	lan_add(f->lan.node, "lan0", "198.51.100.1/24", 0);
	lan_add(f->lan.node, "lan0", "2001:db8:1::1/64", IFA_F_NODAD);
	AWAIT(f, believes(f, both[0], &f->node) && believes(f, both[1], &f->node));
	assert_true(answers_on(f, both[0], "lan0") && answers_on(f, both[1], "lan0"));
}

/* Nothing answers for it, and nobody has to be told. */
static void test_without_its_network_a_vip_is_not_answered_for(void **state)
{
	static const char *const one[] = {"198.51.100.10"};
	struct fixture *f = need(state);

	open_responder(f);
	lan_add(f->lan.client, "lan1", "198.51.100.2/24", 0);
	own(f, one, 1);
	lan_send(&f->lan, one[0]);
	let_pass(f, 0);
	assert_true(knows_nothing(f, one[0]));
	assert_int_equal(count_announcements(f), 0);
}

/* All in the network get each of these, so they do not come all at once. */
static void test_many_are_made_known_one_after_another(void **state)
{
	CLEANUP_PREFIXES struct prefixes p = {0};
	struct ipnet net = net_of("192.0.2.100/32");
	struct fixture *f = need(state);

	for (unsigned i = 0; i < 100; i++, ipaddr_step(&net.addr))
		prefixes_add(&p, &net);
	frozen = loop_clock();
	open_responder(f);
	for (unsigned n = 100; n > 0; n -= n < 32 ? n : 32) {
		/* However often it is told. */
		responder_set(f->responder, &p);
		let_pass(f, 0);
		responder_set(f->responder, &p);
		let_pass(f, 0);
		assert_int_equal(count_announcements(f), n < 32 ? n : 32);
		later += 20 * 1000;
	}
	let_pass(f, 0);
	assert_int_equal(count_announcements(f), 0);
}

/* What makes VIPs known comes first: forged claims must not keep it back. */
static void test_questions_and_announcements_share_their_pace(void **state)
{
	static const struct words wanted[] = {{32, 0}, {8, 24}, {0, 16}, {0, 0}};
	CLEANUP_PREFIXES struct prefixes p = {0};
	struct ipnet net = net_of("192.0.2.100/32");
	struct fixture *f = need(state);

	for (unsigned i = 0; i < 40; i++, ipaddr_step(&net.addr))
		prefixes_add(&p, &net);
	frozen = loop_clock();
	open_responder(f);
	responder_set(f->responder, &p);
	claim_all(f, &p);
	hear_all(f);
	later += 3 * SECOND;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		struct words w;

		let_pass(f, 0);
		w = hear_all(f);
		assert_int_equal(w.n_announcements, wanted[i].n_announcements);
		assert_int_equal(w.n_probes, wanted[i].n_probes);
		later += 20 * 1000;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_sockets_it_says_what_to_do),
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		TEST(test_a_client_finds_our_vips_and_no_others),
		TEST(test_what_is_given_away_is_answered_for_no_more),
		TEST(test_a_take_over_changes_what_clients_believe),
		TEST(test_the_groups_of_our_vips_are_joined_and_left),
		TEST(test_a_vip_is_made_known_again_and_again),
		TEST(test_a_probe_is_answered),
		TEST(test_a_client_that_wants_the_vip_for_itself_does_not_get_it),
		TEST(test_on_other_interfaces_nothing_is_answered_or_believed),
		TEST(test_who_says_it_once_is_asked_for_and_no_rival),
		TEST(test_a_doubt_silences_nothing),
		TEST(test_who_claims_it_too_is_told_of_and_not_fought),
		TEST(test_who_has_the_address_is_a_rival_until_it_has_it_no_more),
		TEST(test_two_owners_are_rivals_of_each_other),
		TEST(test_of_many_rivals_some_are_named),
		TEST(test_what_we_say_ourselves_is_no_claim),
		TEST(test_our_own_question_comes_back),
		TEST(test_an_interface_that_gets_its_name_later_works_then),
		TEST(test_an_interface_that_gets_its_network_later_works_then),
		TEST(test_without_its_network_a_vip_is_not_answered_for),
		TEST(test_many_are_made_known_one_after_another),
		TEST(test_questions_and_announcements_share_their_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
