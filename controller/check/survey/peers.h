/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "check/settings.h"
#include "config/config.h"

/*
 * Whether the TCP ports of BGP peers take connections, with the password that a peer has (TCP MD5,
 * RFC 2385): each is called and left at once, without a word of BGP.
 */
struct peers;

/*
 * `ret` has one for each of config->bgp.peers. `done` is called from the loop when all have
 * answered or some seconds have passed; from within this call if there is nobody to call.
 */
struct peers *peers_start(sd_event *loop, struct peer_fact ret[], const struct config *config,
	void (*done)(void *ud), void *ud) __attribute__((warn_unused_result));
struct peers *peers_free(struct peers *p);
