/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "config/config.h"
#include "decide/fleet.h"
#include "doc/mustache.h"

/*
 * Decides which virtual servers keepalived may read of. Testing the whole file on every change
 * would cost several times the reload itself, so one example of each shape that was not seen before
 * is tested (shapes.h): all of them in one go, and one by one if keepalived refuses. Logs:
 * config.*, service.*.
 */
struct vet;

/*
 * `unknown` is NULL when all shapes are known: vet_complaint has the refused ones. Else it says why
 * the test told nothing: to be tried again.
 */
typedef void vet_fn(void *ud, const char *unknown);

/* `config` and `template` are borrowed. */
struct vet *vet_new(sd_event *loop, const struct config *config, const struct mustache *template,
	vet_fn *done, void *ud) __attribute__((warn_unused_result));
struct vet *vet_free(struct vet *v);

/*
 * Starts to vet these, borrowed until `done` is called: from within this call when nothing needs a
 * test, else from the loop. One call at a time.
 */
void vet_start(struct vet *v, const struct virtual_server *const servers[], size_t n);

/* How many times keepalived was asked. */
uint64_t vet_tests(const struct vet *v);

/* Why keepalived refuses virtual servers like this one; NULL when it does not. */
const char *vet_complaint(const struct vet *v, const struct virtual_server *vs);
