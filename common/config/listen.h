/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "values/ipaddr.h"

/* An address to listen on: ADDRESS:PORT, [ADDRESS]:PORT for IPv6, or pod:PORT. */
struct listen {
	struct ipaddr addr; /* family 0: the pod's own */
	uint16_t port;
};

/* Errors: -EINVAL. */
int listen_parse(struct listen *ret, const char *text, struct err *e);

/*
 * The same with the pod's own address in its place: what the environment's POD_IP says, or the
 * first of its POD_IPS, as the downward API sets them. Errors name `key`, of the configuration:
 * -ENOENT when it says neither, and -EINVAL when that is no address of a pod: pod:PORT never means
 * all addresses.
 */
int listen_find(struct listen *ret, const char *key, const char *text, struct err *e);
