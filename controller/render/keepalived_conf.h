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

/* The view of one of them, as keepalived_view has it in its list. */
json_t *keepalived_view_of(const struct virtual_server *vs) __attribute__((warn_unused_result));

/* What the template makes of one virtual server; all 0 when not known yet. */
struct conf_text {
	char *text;
	size_t len;
};

/* Leaves nothing behind. */
struct conf_text conf_text_take(struct conf_text *from);

/*
 * The file: `template` filled with the view of these virtual servers. `texts`, if not NULL, has one
 * for each server: those known are used, the others become known, for the next time. Errors are
 * those of mustache_render, and -EINVAL for a line longer than keepalived's buffer takes
 * (LIMIT_KEEPALIVED_LINE), since keepalived splits such lines.
 */
int keepalived_conf_render(char **ret_text, size_t *ret_len, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct conf_text *texts,
	struct err *e);

/*
 * A key that is equal for two virtual servers exactly when their parts of the file differ only in
 * addresses, port numbers and other numbers: protocol, family, scheduler, check and so on. A file
 * is as acceptable to keepalived as one example of each shape in it.
 */
char *virtual_server_shape(const struct virtual_server *vs) __attribute__((warn_unused_result));
