/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "check/api.h"
#include "check/tunnels.h"
#include "config/config.h"

/*
 * What there is to ask the API server: who it is, what we may do (SelfSubjectAccessReview), and
 * which nodes take tunnels, by the fleet's Leases.
 */
struct inquiry;

/* Reads the credentials, which may be in files of somebody else; nobody is asked yet. */
struct inquiry *inquiry_new(sd_event *loop, struct api_facts *ret,
	struct tunnels_facts *ret_tunnels, const struct config *config)
	__attribute__((warn_unused_result));
/* Both are filled until `done` is called, from the loop, within some ten seconds. */
void inquiry_start(struct inquiry *q, void (*done)(void *ud), void *ud);
struct inquiry *inquiry_free(struct inquiry *q);
