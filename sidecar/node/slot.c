/* SPDX-License-Identifier: Apache-2.0 */
#include "node/slot.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "node/abstract.h"

enum { NAME_SIZE = 32 };

static void slot_name(char name[static NAME_SIZE], uint32_t metric)
{
	snprintf(name, NAME_SIZE, "kago-route-%u", metric);
}

bool slot_is_held(int probe, uint32_t metric)
{
	char name[NAME_SIZE];
	struct err e = {0};

	slot_name(name, metric);
	return abstract_connect(probe, name, &e) == 0;
}

static uint32_t highest_held(int probe)
{
	for (uint32_t metric = SLOT_MAX; metric >= SLOT_MIN; metric--)
		if (slot_is_held(probe, metric))
			return metric;
	return 0;
}

int slot_take(struct slot *ret, const char *netns, struct err *e)
{
	CLEANUP_CLOSE int probe = abstract_socket(netns, SOCK_DGRAM, e);
	CLEANUP_CLOSE int fd = abstract_socket(netns, SOCK_DGRAM, e);
	char name[NAME_SIZE];
	uint32_t start;

	if (probe < 0 || fd < 0)
		return -e->code;
	start = highest_held(probe);
	for (uint32_t i = 0; i < SLOT_MAX; i++) {
		uint32_t metric = (start + i) % SLOT_MAX + SLOT_MIN;

		slot_name(name, metric);
		if (abstract_bind(fd, name, e) == 0) {
			*ret = (struct slot){steal_fd(&fd), metric};
			return 0;
		}
	}
	return err_set(e, EBUSY, "%d load balancer pods run on this node already", SLOT_MAX);
}

void slot_release(struct slot *s)
{
	closep(&s->fd);
	*s = (struct slot){-1, 0};
}
