/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

/* What ports of Services and of EndpointSlices have in common. */

/* The member "protocol": IPPROTO_TCP (also when absent), IPPROTO_UDP or IPPROTO_SCTP. */
int port_decode_protocol(uint16_t *ret, const json_t *port, struct err *e);

/* The member "name", a DNS label or "" (also when absent), borrowed. */
int port_decode_name(const char **ret, const json_t *port, struct err *e);

/* A member that is a number from 1 to 65535; *ret is left as it was when absent. */
int port_decode_number(uint16_t *ret, const json_t *port, const char *member, struct err *e);

/* "TCP", "UDP", "SCTP". */
const char *protocol_name(uint16_t protocol);
