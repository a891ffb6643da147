/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "loop/loop.h"

/* libcurl's transfers on the loop: its sockets and its timer are event sources of `priority`. */
struct multi;

/* What a transfer needs of us besides its handle; the owner keeps it where it is. */
struct multi_transfer {
	CURL *easy;
	/* It has ended and is out of libcurl's hands. Called outside of libcurl. */
	void (*done)(void *ud, CURLcode result);
	/* The same after multi_remove: now it may be freed. */
	void (*removed)(void *ud);
	void *ud;
	bool running;                /* ours, as what follows */
	struct multi_transfer *next; /* of those that wait until libcurl has returned */
};

int multi_new(struct multi **ret, sd_event *loop, enum loop_priority priority, struct err *e);
/* All transfers must be removed before. */
struct multi *multi_free(struct multi *m);

/* Starts a transfer: at once, or if libcurl is just calling one of us, right after that. */
void multi_add(struct multi *m, struct multi_transfer *t);

/*
 * Stops a transfer that has not ended, without `done`: at once, or if libcurl is just calling one
 * of us, right after that; until `removed` it may still be called.
 */
void multi_remove(struct multi *m, struct multi_transfer *t);
