/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "values/ipaddr.h"
#include "values/place.h"

/* Addresses, prefixes and places for tests, written as text. */

static inline struct ipaddr addr_of(const char *text)
{
	struct ipaddr a = {0};
	struct err e = {0};

	if (ipaddr_parse(&a, text, &e) < 0)
		fail_msg("%s", e.msg);
	return a;
}

static inline struct ipnet net_of(const char *text)
{
	struct ipnet n = {0};
	struct err e = {0};

	if (ipnet_parse(&n, text, &e) < 0)
		fail_msg("%s", e.msg);
	return n;
}

static inline struct place place_of(const char *text)
{
	struct place p = {0};
	struct err e = {0};

	if (place_parse(&p, text, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}
