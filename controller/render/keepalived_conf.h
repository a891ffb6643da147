/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "decide/fleet.h"
#include "doc/mustache.h"

/*
 * A fleet as the view of templates/keepalived.conf.mustache and as the text of keepalived.conf.
 * Pure. The view holds only values that were parsed, typed and printed again: addresses, numbers,
 * enumerations, and a health check path of whitelisted characters. docs/template.md lists it.
 */

/* The view of these virtual servers, in this order. Strings that come from users are not in it. */
json_t *keepalived_view(const struct virtual_server *const servers[], size_t n_servers)
	__attribute__((warn_unused_result));

/*
 * Makes `view`, which is empty or that of another one, the view of this one, as keepalived_view has
 * it in its list. Making one anew for each takes twice as long.
 */
void keepalived_view_set(json_t *view, const struct virtual_server *vs);

/*
 * The file: `template` filled with the view of these virtual servers. Errors are those of
 * mustache_render, and -EINVAL for a line longer than keepalived's buffer takes
 * (LIMIT_KEEPALIVED_LINE), since keepalived splits such lines.
 */
int keepalived_conf_render(char **ret_text, size_t *ret_len, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct err *e);
