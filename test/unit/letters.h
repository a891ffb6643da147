/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <ctype.h>
#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "decide/fleet.h"

/*
 * Virtual servers written as letters, in order: "a" is 10.1.1.1 port 80/tcp with the real server
 * 172.16.0.1 port 8080, "B" is 10.1.1.2 port 80/udp, and each '+' gives the one before it one real
 * server more.
 */

static inline struct ipaddr letters_addr(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return ipaddr_from_bytes(AF_INET, (const uint8_t[]){a, b, c, d});
}

static inline struct real_server letters_real(unsigned i)
{
	return (struct real_server){
		.addr = letters_addr(172, 16, (uint8_t)(i / 250), (uint8_t)(i % 250 + 1)),
		.port = 8080,
		.weight = 1,
	};
}

static inline struct virtual_server letters_server(char letter)
{
	int lower = tolower((unsigned char)letter);
	struct virtual_server vs = {
		.ns = "shop",
		.name = "web",
		.vip = letters_addr(10, 1, 1, (uint8_t)(lower - 'a' + 1)),
		.port = 80,
		.protocol = letter == lower ? IPPROTO_TCP : IPPROTO_UDP,
		.scheduler = SCHEDULER_MH,
	};

	return vs;
}

static inline void letters_add_real(struct virtual_server *vs)
{
	vs->reals = xreallocarray(vs->reals, vs->n_reals + 1, sizeof *vs->reals);
	vs->reals[vs->n_reals] = letters_real((unsigned)vs->n_reals);
	vs->n_reals++;
}

static inline struct fleet *letters_fleet(const char *letters)
{
	struct fleet *f = xnew0(struct fleet);

	f->n_refs = 1;
	f->servers = xcalloc(strlen(letters) + 1, sizeof(struct virtual_server *));
	for (; *letters; letters++) {
		if (*letters != '+') {
			f->servers[f->n_servers] = xnew0(struct virtual_server);
			*f->servers[f->n_servers++] = letters_server(*letters);
		}
		letters_add_real(f->servers[f->n_servers - 1]);
	}
	return f;
}
