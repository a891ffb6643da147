/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "check/api.h"
#include "config/config.h"

/* What there is to ask the API server: who it is, and what we may do (SelfSubjectAccessReview). */
struct inquiry;

/* Reads the credentials, which may be in files of somebody else; nobody is asked yet. */
struct inquiry *inquiry_new(sd_event *loop, struct api_facts *ret, const struct config *config)
	__attribute__((warn_unused_result));
/* `ret` is filled until `done` is called, from the loop, within some ten seconds. */
void inquiry_start(struct inquiry *q, void (*done)(void *ud), void *ud);
struct inquiry *inquiry_free(struct inquiry *q);
