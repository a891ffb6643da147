/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/err.h"
#include "node/site.h"

/* What programs share that do what a test says on their input. */

/* Lines of stdin, one after the other. */
struct commands {
	void (*take)(void *ud, const char *line);
	void (*on_end)(void *ud); /* of the input */
	void *ud;
	char line[64 * 1024];
	size_t len;
};

static inline int commands_on_input(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct commands *c = ud;
	ssize_t n = read(fd, c->line + c->len, sizeof c->line - c->len - 1);
	char *end;

	(void)events;
	if (n <= 0) {
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
		c->on_end(c->ud);
		return 0;
	}
	c->len += (size_t)n;
	c->line[c->len] = '\0';
	while ((end = strchr(c->line, '\n'))) {
		*end++ = '\0';
		c->take(c->ud, c->line);
		c->len -= (size_t)(end - c->line);
		memmove(c->line, end, c->len + 1);
	}
	return 0;
}

/* `c` must outlive the loop. */
static inline int commands_read(struct commands *c, sd_event *loop)
{
	return sd_event_add_io(loop, NULL, STDIN_FILENO, EPOLLIN, commands_on_input, c);
}

/* One address, or two of different families separated by a comma. */
static inline int commands_addresses(struct dual *ret, char *text, struct err *e)
{
	int r = 0;

	while (r == 0 && text) {
		struct ipaddr one = {0};

		r = ipaddr_parse(&one, strsep(&text, ","), e);
		*(one.family == AF_INET ? &ret->v4 : &ret->v6) = one;
	}
	return r;
}
