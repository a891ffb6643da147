/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * The nftables rules that forwarding stands on (templates/nftables.conf.mustache): the masquerade
 * rule for NAT mode's return path, and what keeps the pod from being an open router. They live in
 * one table of our own, in the network namespace we are in; the rest of the ruleset is not touched.
 */

/* The family and name of the table, which templates get as {{table}}. */
#define NAT_TABLE "inet kago"

/*
 * Fills the template and puts it in the place of what the table held, in one transaction: no packet
 * meets a half, and when a line is wrong the old rules stay. Connections keep their translation.
 * Errors: -EINVAL with the line of the filled template that is wrong, or what the kernel refused;
 * others from reading the file.
 */
int nat_apply(const char *template_path, struct err *e);

/* Removes the table. Gone already is success. */
int nat_remove(struct err *e);
