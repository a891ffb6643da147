/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "doc/mustache.h"
#include "model/fleet.h"

/*
 * A fleet as the view of templates/keepalived.conf.mustache and as the text of keepalived.conf.
 * Pure. The view holds only values that were parsed, typed and printed again: addresses, numbers,
 * enumerations, and a health check path of whitelisted characters. docs/template.md lists it.
 */

/* The view of these virtual servers, in this order. Strings that come from users are not in it. */
json_t *keepalived_view(const struct virtual_server *const servers[], size_t n_servers)
	__attribute__((warn_unused_result));

/* All virtual servers of a fleet. */
json_t *keepalived_view_of_fleet(const struct fleet *f) __attribute__((warn_unused_result));

/*
 * The file: `template` filled with `view`. On top of mustache_render: every line is shorter than
 * keepalived's buffer (LIMIT_KEEPALIVED_LINE), since keepalived splits longer ones.
 */
int keepalived_conf_render(char **ret_text, size_t *ret_len, const struct mustache *template,
	const json_t *view, struct err *e);

/*
 * A key that is equal for two virtual servers exactly when their parts of the file differ only in
 * addresses, port numbers and other numbers: protocol, family, scheduler, check and so on. A file
 * is as acceptable to keepalived as one example of each shape in it.
 */
char *virtual_server_shape(const struct virtual_server *vs) __attribute__((warn_unused_result));
