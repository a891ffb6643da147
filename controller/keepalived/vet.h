/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "config/config.h"
#include "doc/mustache.h"
#include "keepalived/plan.h"

/*
 * Decides what of a plan keepalived may read. Testing the whole file on every change would cost
 * several times the reload itself, so one example of each shape that was not seen before is tested
 * (shapes.h): all of them in one go, and one by one if keepalived refuses. With a template that is
 * not the packaged one, the whole file is tested as well, on every change.
 */
struct vet;

enum vet_mode {
	VET_NOTHING, /* there is no keepalived to ask: every plan may be written */
	VET_SHAPES,
	VET_WHOLE_FILE, /* test the whole file on every change, too */
};

/*
 * `refusal` is NULL when the plan may be written: the servers of refused shapes are then left out
 * of its selection. Else it says why nothing of the plan may be.
 */
typedef void vet_fn(void *ud, const char *refusal);

/* `config` and `template` are borrowed. */
struct vet *vet_new(sd_event *loop, const struct config *config, const struct mustache *template,
	enum vet_mode mode, vet_fn *done, void *ud) __attribute__((warn_unused_result));
struct vet *vet_free(struct vet *v);

/*
 * Starts to vet `plan`, borrowed until `done` is called: from within this call when nothing needs a
 * test, else from the loop. One plan at a time.
 */
void vet_start(struct vet *v, struct plan *plan);

/* How many times keepalived was asked. */
uint64_t vet_tests(const struct vet *v);

/* Why keepalived refuses virtual servers like this one; NULL when it does not. */
const char *vet_complaint(const struct vet *v, const struct virtual_server *vs);
