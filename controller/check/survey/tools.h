/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "check/programs.h"
#include "config/config.h"

/*
 * keepalived and the templates: keepalived is run for its version, and to test what the template
 * makes of a virtual server of each family, in a file that is nowhere but in memory.
 */
struct tools;

/*
 * The template of the nftables rules. `ask_nft`: what it makes is given to nftables, without doing
 * it, which takes NET_ADMIN. Blocks.
 */
void tools_check_nft(struct programs_facts *ret, const struct config *config, bool ask_nft);

/* The rest of `ret` is filled until `done` is called, from the loop, within some ten seconds. */
struct tools *tools_start(sd_event *loop, struct programs_facts *ret, const struct config *config,
	void (*done)(void *ud), void *ud) __attribute__((warn_unused_result));
struct tools *tools_free(struct tools *t);

/* exec.program, if there has to be one; `elsewhere`: another container runs it. */
void tools_look_at_exec(struct programs_facts *ret, const struct config *config, bool elsewhere);
