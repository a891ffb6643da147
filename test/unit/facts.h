/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "objects.h"
#include "publish/facts.h"
#include "publish/status_document.h"

/*
 * Facts about the Service shop/web, which has the ports 80/TCP and 53/UDP, for tests to change: it
 * has the address 10.1.1.1 from the pool web, which its status says without any condition, and
 * kago-a and kago-b announce it.
 */
struct example {
	struct service service;
	struct service_port ports[2];
	struct assignment assignment;
	struct ipaddr vips[2];
	struct fleet_service decision;
	char complaint[512];
	const char *announcers[2];
	struct facts facts;
};

static const struct status_features modern = {.ip_mode = true};

/* 2026-01-01T00:00:00Z and a bit. */
static const int64_t new_year = 1767225600000001;

/* Text of a test where a struct has one of its own. */
static inline char *borrowed(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* `message` as report.h makes it: what is to be complained about, and what is served. */
static inline void decide(
	struct example *x, enum fleet_outcome outcome, enum reason reason, const char *message)
{
	const char *served = strrchr(message, ';');

	x->decision.outcome = outcome;
	x->decision.reason = reason;
	x->decision.message = borrowed(message);
	snprintf(x->complaint, sizeof x->complaint, "%.*s", (int)(served ? served - message : 0),
		message);
	x->decision.complaint = served ? x->complaint : NULL;
}

/* The Service is wrong. */
static inline void spoil(struct example *x, enum reason reason, const char *message)
{
	x->service.reason = reason;
	x->service.message = borrowed(message);
}

/* A wish that is not fulfilled. */
static inline void deny(struct example *x, enum reason reason, const char *message)
{
	x->assignment.reason = reason;
	x->assignment.message = borrowed(message);
}

static inline void take_address(struct example *x, enum reason reason, const char *message)
{
	x->assignment.n_vips = 0;
	x->assignment.pool = NULL;
	deny(x, reason, message);
}

static inline void example_init(struct example *x)
{
	struct err e = {0};

	*x = (struct example){
		.service = {.uid = borrowed("f00d"),
			.resource_version = borrowed("41"),
			.n_ports = 2},
		.ports = {{.name = borrowed("http"), .port = 80, .protocol = IPPROTO_TCP},
			{.name = borrowed("dns"), .port = 53, .protocol = IPPROTO_UDP}},
		.assignment = {.n_vips = 1, .pool = "web"},
		.decision = {.ns = borrowed("shop"),
			.name = borrowed("web"),
			.n_virtual_servers = 2},
		.announcers = {"kago-a", "kago-b"},
	};
	objname_init(&x->service.id, "shop", "web");
	ipaddr_parse(&x->vips[0], "10.1.1.1", &e);
	ipaddr_parse(&x->vips[1], "fd00::1", &e);
	x->service.ports = x->ports;
	x->assignment.service = &x->service;
	x->assignment.vips = x->vips;
	decide(x, FLEET_SERVED, REASON_SERVED, "2 virtual servers with 6 real servers");
	x->service.held.vips = xcalloc(1, sizeof *x->vips);
	x->service.held.vips[0] = x->vips[0];
	x->service.held.n_vips = 1;
	x->facts = (struct facts){.service = &x->service,
		.assignment = &x->assignment,
		.decision = &x->decision,
		.announcers = x->announcers,
		.n_announcers = 2};
}

static inline void example_done(struct example *x)
{
	objname_done(&x->service.id);
	held_done(&x->service.held);
}

/* Writes the status: the Service holds it from now on. NULL: there was nothing to write. */
static inline json_t *write_status(struct example *x, int64_t now)
{
	json_t *document = status_document(&x->facts, &modern, now);

	if (document) {
		held_done(&x->service.held);
		held_decode(&x->service.held, document);
	}
	return document;
}

/* A member of one condition of a document. */
static inline const char *said(const json_t *document, enum condition_type type, const char *key)
{
	const json_t *list = json_object_get(json_object_get(document, "status"), "conditions");

	return json_string_value(json_object_get(json_array_get(list, type), key));
}

/* Its status says nothing yet. */
static inline void forget_status(struct example *x)
{
	held_done(&x->service.held);
}

/* What one condition of the document says that would be written. */
static inline void assert_says(struct example *x, enum condition_type type, const char *status,
	const char *reason, const char *message)
{
	json_auto_t *document = status_document(&x->facts, &modern, new_year);

	assert_non_null(document);
	assert_string_equal(said(document, type, "type"), condition_type_name(type));
	assert_string_equal(said(document, type, "status"), status);
	assert_string_equal(said(document, type, "reason"), reason);
	assert_string_equal(said(document, type, "message"), message);
}
