/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * IPv4 and IPv6 addresses and prefixes as values. Parsing is strict (KEP-4858): canonical dotted
 * quads without leading zeros, RFC 4291 text for IPv6, no zone, no IPv4-mapped addresses.
 */

struct ipaddr {
	int family; /* AF_INET or AF_INET6; 0 in an empty value */
	union {
		uint8_t bytes[16]; /* network order; the first 4 for IPv4, the rest 0 */
		struct in_addr v4;
		struct in6_addr v6;
	};
};

struct ipnet {
	struct ipaddr addr; /* host bits are 0 */
	unsigned len;
};

enum { IPADDR_TEXT = INET6_ADDRSTRLEN, IPNET_TEXT = INET6_ADDRSTRLEN + 4 };

/* Errors: -EINVAL, with a message that quotes the text. */
int ipaddr_parse(struct ipaddr *ret, const char *text, struct err *e);

/*
 * The same of what old API servers took and new ones still give, read as kube-proxy reads it:
 * numbers with leading zeros are decimal, an IPv4-mapped address is IPv4.
 */
int ipaddr_parse_old(struct ipaddr *ret, const char *text, struct err *e);

/* The canonical text (RFC 5952), in ret_buf; returns ret_buf. */
const char *ipaddr_format(char ret_buf[static IPADDR_TEXT], const struct ipaddr *a);

/* Total order: empty, IPv4, IPv6; then numerically. */
int ipaddr_cmp(const struct ipaddr *a, const struct ipaddr *b);
bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);

/* Whether two lists are the same, in the same order; whether an address is in a list. */
bool ipaddrs_equal(const struct ipaddr a[], size_t n_a, const struct ipaddr b[], size_t n_b);
bool ipaddrs_have(const struct ipaddr list[], size_t n, const struct ipaddr *a);

/* Fit to be a VIP or a real server: not unspecified, loopback, link-local, multicast, broadcast. */
bool ipaddr_is_unicast(const struct ipaddr *a);

/* 32 or 128. */
unsigned ipaddr_bits(const struct ipaddr *a);

/* From raw network-order bytes: 4 for AF_INET, 16 for AF_INET6. */
struct ipaddr ipaddr_from_bytes(int family, const void *bytes);

/* "ADDRESS/LENGTH" with all host bits 0, or a bare address, which is its /32 or /128. */
int ipnet_parse(struct ipnet *ret, const char *text, struct err *e);
/* "ADDRESS/LENGTH", the length being needed; host bits are cleared. */
int ipnet_parse_masked(struct ipnet *ret, const char *text, struct err *e);
const char *ipnet_format(char ret_buf[static IPNET_TEXT], const struct ipnet *n);
int ipnet_cmp(const struct ipnet *a, const struct ipnet *b);
bool ipnet_contains(const struct ipnet *n, const struct ipaddr *a);

/* Sorts them and leaves out those inside another; how many are left. */
size_t ipnets_settle(struct ipnet nets[], size_t n);

/* To the next address. False: it was the last one, and the first follows. */
bool ipaddr_step(struct ipaddr *a);

/* The address as a prefix of its own; the prefix of this length that it is in. */
struct ipnet ipnet_of(const struct ipaddr *a);
struct ipnet ipnet_around(const struct ipaddr *a, unsigned len);
