/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "loop/scribes.h"

/*
 * Pages that take long, each written once by a child (loop/scribes.h) for all who ask for it until
 * a second after it was finished: readers cost a child a second at most, however many they are.
 */
struct pages;
struct page;

enum { PAGES_KEPT = 1000 * 1000 /* usec after it was finished */ };

/* Who waits for a page; lives with its owner until it is called or has left. */
struct pages_reader {
	/* A file with the page, which is consumed; -1: it could not be written. */
	void (*ready)(void *ud, int fd);
	void *ud;
	struct page *page; /* ours, as what follows; NULL: it does not wait */
	struct pages_reader *prev, *next;
};

/* `write` is called in a child. `scribes` is borrowed. */
int pages_new(struct pages **ret, sd_event *loop, struct scribes *scribes,
	void (*write)(void *ud, const char *path, FILE *out), void *ud, struct err *e);
/* Comes before scribes_free, and nobody waits any more. */
struct pages *pages_free(struct pages *p);

/*
 * 1: the page is there, and `ready` was called; 0: it will be. Errors: those of scribes_start, and
 * of making memory for the page.
 */
int pages_ask(struct pages *p, const char *path, struct pages_reader *reader, struct err *e);

/* It does not wait any more, if it did. */
void pages_leave(struct pages_reader *reader);
