/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "world.h"

/* Services that users can think of, made from seeds. */

static inline uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static inline const char *choose(uint32_t *seed, const char *const list[], size_t n)
{
	return list[next_random(seed) % n];
}
#define CHOOSE(seed, list) choose(seed, list, sizeof(list) / sizeof(list)[0])

static const char *const used_namespaces[] = {"shop", "web"};
static const char *const annotations[] = {"", "", "", "", "kago.dev/share: k", "kago.dev/share: k",
	"kago.dev/share: q", "kago.dev/share: k, kago.dev/vip: 10.1.1.2", "kago.dev/vip: 10.1.1.1",
	"kago.dev/vip: 10.2.2.1", "kago.dev/vip: '10.1.1.3,fd00::2'", "kago.dev/pool: shop",
	"kago.dev/pool: reserved", "kago.dev/pool: wide", "kago.dev/pool: public",
	"kago.dev/scheduler: x", "kago.dev/share: 'a b'", "kago.dev/pool: none"};
static const char *const specs[] = {"", "", "ports: [{port: 81}]",
	"ports: [{port: 80, name: a}, {port: 80, name: b, protocol: UDP}]", "ipFamilies: [IPv6],",
	"ipFamilyPolicy: PreferDualStack,", "ipFamilyPolicy: RequireDualStack,",
	"ipFamilies: [IPv4], ports: [{port: 82}]"};
static const char *const helds[] = {"", "", "", "10.1.1.1", "10.1.1.2", "10.1.1.3 fd00::1",
	"10.2.2.0", "10.2.2.3", "10.3.3.255", "10.9.9.9", "fd00::2", "2001:db8::7"};
static const char *const times[] = {"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"};

/* Service number i of a world; without addresses if it is new. */
static inline json_t *random_service(uint32_t *seed, unsigned i, bool is_new)
{
	CLEANUP_FREE char *id = xasprintf("%s/s%u", CHOOSE(seed, used_namespaces), i);
	const char *annotation = CHOOSE(seed, annotations), *spec = CHOOSE(seed, specs);
	json_t *object = service(id, annotation, spec, is_new ? "" : CHOOSE(seed, helds));

	json_object_set_new(json_object_get(object, "metadata"), "creationTimestamp",
		json_string(CHOOSE(seed, times)));
	return object;
}
