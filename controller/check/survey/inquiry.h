/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "check/api.h"
#include "config/config.h"

/* What there is to ask the API server: who it is, and what we may do (SelfSubjectAccessReview). */
struct inquiry;

/* `ret` is filled until `done` is called, from the loop, within some ten seconds. */
struct inquiry *inquiry_start(sd_event *loop, struct api_facts *ret, const struct config *config,
	void (*done)(void *ud), void *ud) __attribute__((warn_unused_result));
struct inquiry *inquiry_free(struct inquiry *q);
