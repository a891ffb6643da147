/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

#include "net_loopback.h"

/* On the loopback: what is sent there is received there. */

static int make(enum frames what)
{
	struct err e = {0};
	int fd = -1;

	if (frames_socket(&fd, what, &e) < 0)
		fail_msg("%s", e.msg);
	return fd;
}

static int setup(void **state)
{
	*state = net_loopback() ? (void *)1 : NULL;
	return 0;
}

static void send_as(int fd, uint16_t protocol, const void *data, size_t len)
{
	const struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex("lo"),
		.sll_halen = 6};

	assert_int_equal(sendto(fd, data, len, 0, (const struct sockaddr *)&to, sizeof to), len);
}

/* The IPv6 packet has no more than what is looked at. */
static void send_ipv6(int fd, uint8_t next_header, uint8_t type)
{
	uint8_t data[64] = {0x60, [6] = next_header, [40] = type};

	send_as(fd, ETH_P_IPV6, data, sizeof data);
}

/* The byte at this place of the next one that it hears, of frames that were sent to us; -1: none.
 */
static int heard(int fd, size_t at)
{
	uint8_t data[128];
	struct sockaddr_ll from = {0};
	socklen_t len;

	do {
		len = sizeof from;
		if (recvfrom(fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &len) <
			0)
			return -1;
	} while (from.sll_pkttype == PACKET_OUTGOING);
	return data[at];
}

static void test_each_hears_its_own_and_only_after_it_listens(void **state)
{
	static const uint8_t arp[28] = {[7] = 2};
	int ours, theirs;
	struct err e = {0};

	if (!*state)
		skip();
	ours = make(FRAMES_NDP);
	theirs = make(FRAMES_ARP);
	send_ipv6(ours, IPPROTO_ICMPV6, ND_NEIGHBOR_SOLICIT);
	send_as(ours, ETH_P_ARP, arp, sizeof arp);
	assert_int_equal(frames_listen(ours, FRAMES_NDP, &e), 0);
	assert_int_equal(frames_listen(theirs, FRAMES_ARP, &e), 0);
	assert_int_equal(heard(ours, 40), -1);
	assert_int_equal(heard(theirs, 7), -1);
	send_as(ours, ETH_P_ARP, arp, sizeof arp);
	send_ipv6(ours, IPPROTO_ICMPV6, ND_ROUTER_ADVERT);
	send_ipv6(ours, IPPROTO_ICMPV6, ND_NEIGHBOR_SOLICIT);
	send_ipv6(ours, IPPROTO_UDP, ND_NEIGHBOR_SOLICIT);
	send_ipv6(ours, IPPROTO_ICMPV6, ND_NEIGHBOR_ADVERT);
	send_ipv6(ours, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST);
	assert_int_equal(heard(ours, 40), ND_NEIGHBOR_SOLICIT);
	assert_int_equal(heard(ours, 40), ND_NEIGHBOR_ADVERT);
	assert_int_equal(heard(ours, 40), -1);
	assert_int_equal(heard(theirs, 7), 2);
	assert_int_equal(heard(theirs, 7), -1);
	close(ours);
	close(theirs);
}

/* Who has one, and may nothing else, reads nothing else of the node. */
static void test_nobody_can_make_it_hear_more(void **state)
{
	const struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	static const uint8_t arp[28] = {[7] = 1};
	int fd;

	if (!*state)
		skip();
	for (int what = FRAMES_ARP; what <= FRAMES_NDP; what++) {
		fd = make(what);
		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(bind(fd, (const struct sockaddr *)&all, sizeof all), 0);
		send_ipv6(fd, IPPROTO_UDP, ND_NEIGHBOR_SOLICIT);
		send_ipv6(fd, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST);
		assert_int_equal(heard(fd, 0), -1);
		send_as(fd, what == FRAMES_ARP ? ETH_P_IP : ETH_P_ARP, arp, sizeof arp);
		assert_int_equal(heard(fd, 0), -1);
		close(fd);
	}
}

static void test_another_socket_is_none(void **state)
{
	CLEANUP_CLOSE int plain = -1, udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int arp, ndp;

	if (!*state)
		skip();
	arp = make(FRAMES_ARP);
	ndp = make(FRAMES_NDP);
	plain = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(frames_fit(arp, FRAMES_ARP) && frames_fit(ndp, FRAMES_NDP));
	assert_false(frames_fit(arp, FRAMES_NDP) || frames_fit(ndp, FRAMES_ARP));
	assert_false(frames_fit(plain, FRAMES_ARP) || frames_fit(plain, FRAMES_NDP));
	assert_false(frames_fit(udp, FRAMES_ARP) || frames_fit(-1, FRAMES_ARP));
	close(arp);
	close(ndp);
}

static const char *try_without_capability(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	int fd = make(FRAMES_ARP), other = -1;
	struct err e = {0};

	if (syscall(SYS_capset, &header, none) < 0)
		return "it cannot give up capabilities";
	if (frames_listen(fd, FRAMES_ARP, &e) < 0)
		return "it cannot listen";
	if (frames_socket(&other, FRAMES_ARP, &e) != -EPERM || !strstr(e.msg, "CAP_NET_RAW"))
		return "it is not told which capability is missing";
	send_as(fd, ETH_P_ARP, (const uint8_t[28]){0}, 28);
	return NULL;
}

static void test_the_capability_is_needed_to_make_one_and_not_to_use_it(void **state)
{
	int status = 0;
	pid_t child;

	if (!*state)
		skip();
	child = fork();
	if (child == 0) {
		const char *wrong = try_without_capability();

		if (wrong)
			fprintf(stderr, "%s\n", wrong);
		_exit(wrong != NULL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_hears_its_own_and_only_after_it_listens, setup),
		cmocka_unit_test_setup(test_nobody_can_make_it_hear_more, setup),
		cmocka_unit_test_setup(test_another_socket_is_none, setup),
		cmocka_unit_test_setup(
			test_the_capability_is_needed_to_make_one_and_not_to_use_it, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
