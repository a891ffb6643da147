/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "kube/watch.h"

/*
 * Stands in for the client of the API server and for its watch: keeps the requests, and lets the
 * test answer them and play the watch. A test links it instead of them.
 */
enum { FAKE_REQUESTS = 64, FAKE_WATCHES = 2 };

struct fake_request {
	char *method, *path;
	json_t *body;
	void (*done)(void *ud, const struct kube_answer *answer);
	void *ud;
	bool open; /* neither answered nor cancelled */
};

struct fake_watch {
	struct watch_ops ops;
	void *ud;
	char *path, *selectors;
};

struct fake {
	struct fake_request requests[FAKE_REQUESTS];
	size_t n_requests;
	struct fake_watch watches[FAKE_WATCHES];
	size_t n_watches;
	uint64_t lost_since; /* of all watches; 0: they work */
};

/* There is one; it outlives the test's objects. */
struct fake *fake_kube(void);
/* The last watch. */
struct fake_watch *fake_watch(void);
void fake_reset(void);

/* The newest open request with that method, whose path ends with `end`; NULL if there is none. */
struct fake_request *fake_find(const char *method, const char *end);

/* Answers with a status; 2xx with an object of that uid and version, others with an error. */
void fake_answer(struct fake_request *r, int status, const char *uid, const char *version);

/* Answers with status 200 and that JSON. */
void fake_answer_json(struct fake_request *r, const char *text);

/* The watch says that there is this Lease. */
void fake_lease(const char *name, const char *version, const char *holder, const char *announces);
