/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "config/config.h"
#include "doc/mustache.h"
#include "keepalived/edition.h"

/*
 * The next file for keepalived, beside the one in use: which virtual servers may be in it is found
 * out (vet.h), it is written by a child, for that takes long, and tested as a whole where the
 * template is not the packaged one.
 */
struct draft;

enum draft_verdict {
	DRAFT_READY,     /* the file is there, and tested */
	DRAFT_UNCHANGED, /* it would be the same as the one in use: nothing is written */
	DRAFT_REFUSED,   /* keepalived says that it is wrong, or the template makes no file of it */
	DRAFT_UNKNOWN,   /* it could not be tested or written: that says nothing of it */
};

struct draft_ops {
	/* Whether keepalived must not read of it: asked when all shapes are known. */
	bool (*leave_out)(void *ud, const struct virtual_server *vs);
	/* Once for each draft_start, perhaps from within; `why` for the last two. */
	void (*on_verdict)(void *ud, enum draft_verdict verdict, const char *why);
};

/*
 * `config` and `template` are borrowed. With `write_only` there is no keepalived to ask. `path` is
 * that of the draft.
 */
struct draft *draft_new(sd_event *loop, const struct config *config,
	const struct mustache *template, const char *path, bool write_only,
	const struct draft_ops *ops, void *ud) __attribute__((warn_unused_result));
struct draft *draft_free(struct draft *d);

/* Takes a reference of `fleet`; `in_use` is borrowed until the verdict. One at a time. */
void draft_start(struct draft *d, struct fleet *fleet, const struct edition *in_use);

/* The fleet of the last draft_start, and what of it is in the draft; taken, `{0}` afterwards. */
struct edition draft_take(struct draft *d);

/* "idle", "vetting", "writing", "testing". */
const char *draft_state_name(const struct draft *d);

/* How many times keepalived was asked. */
uint64_t draft_tests(const struct draft *d);

/* Whether the template is the packaged one. */
bool draft_is_packaged(const struct draft *d);

/* Why keepalived refuses virtual servers like this one; NULL when it does not. */
const char *draft_complaint(const struct draft *d, const struct virtual_server *vs);
