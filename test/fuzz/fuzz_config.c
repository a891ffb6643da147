/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "config/schema.h"
#include "fuzz.h"

DEFINE_CLEANUP(struct config *, config_free);

/* config_load() reads a path; this one is in memory. */
static char *write_input(int *ret_fd, const uint8_t *data, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, len) == (ssize_t)len);
	*ret_fd = fd;
	return xasprintf("/proc/self/fd/%d", fd);
}

static void check_pool(const struct config *c, const struct config_pool *p)
{
	FUZZ_CHECK(p->name[0] && p->n_ranges > 0);
	for (size_t i = 0; i < p->n_ranges; i++) {
		const struct config_range *r = &p->ranges[i];

		FUZZ_CHECK(r->first.family == r->last.family);
		FUZZ_CHECK(ipaddr_cmp(&r->first, &r->last) <= 0);
		FUZZ_CHECK(ipaddr_is_unicast(&r->first) && ipaddr_is_unicast(&r->last));
		FUZZ_CHECK(config_pool_of(c->pools, c->n_pools, &r->first) == p);
		FUZZ_CHECK(config_pool_of(c->pools, c->n_pools, &r->last) == p);
	}
}

/* Whatever was let in is what the table promises. */
static void check_loaded(const struct config *c)
{
	FUZZ_CHECK(c->fleet[0] && strlen(c->fleet) <= 63);
	FUZZ_CHECK(c->keepalived.min_reload_gap >= 100000);
	FUZZ_CHECK(c->keepalived.shutdown_timeout > c->node.drain);
	FUZZ_CHECK(c->bgp.hold_time >= 3000000 && c->bgp.hold_time % 1000000 == 0);
	FUZZ_CHECK(c->bgp.n_peers == 0 || c->bgp.as);
	FUZZ_CHECK(c->node.poll_interval >= 20000 && c->node.poll_interval <= 60000000);
	for (size_t i = 0; i < c->bgp.n_peers; i++)
		FUZZ_CHECK(c->bgp.peers[i].address.family && c->bgp.peers[i].as &&
			   c->bgp.peers[i].port);
	for (size_t i = 0; i < c->bgp.n_other_peers; i++)
		FUZZ_CHECK(c->bgp.other_peers[i].address.family && c->bgp.other_peers[i].name);
	for (size_t i = 0; i < c->n_pools; i++)
		check_pool(c, &c->pools[i]);
}

/* The input as the value of every key in turn. */
static void check_set(struct config *c, const char *text)
{
	const struct schema_key *keys;
	size_t n;

	keys = schema_keys(&n);
	for (size_t i = 0; i < n; i++) {
		struct err e = {0};

		if (config_set(c, keys[i].path, text, &e) < 0)
			FUZZ_CHECK(e.code == EINVAL && e.msg[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(config_freep) struct config *c = NULL, *defaults = NULL;
	CLEANUP_FREE char *text = xcalloc(len + 1, 1), *path = NULL;
	CLEANUP_CLOSE int fd = -1;
	struct err e = {0};

	path = write_input(&fd, data, len);
	if (config_load(&c, path, &e) == 0 && config_check(c, &e) == 0)
		check_loaded(c);
	else
		FUZZ_CHECK((e.code == EINVAL || e.code == EFBIG) && str_has_prefix(e.msg, path));
	if (len)
		memcpy(text, data, len);
	FUZZ_CHECK(config_load(&defaults, NULL, &e) == 0);
	check_set(defaults, text);
	return 0;
}
