/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "doc/mustache.h"
#include "model/fleet.h"

/* keepalived.conf as a file: the template in, rendered virtual servers out. */

/*
 * `ret_packaged`: it is byte for byte the template that this program was built with. Errors name
 * the file: -ENOENT, -EFBIG, -EINVAL for one that is no template.
 */
int conf_file_load_template(
	struct mustache **ret, bool *ret_packaged, const char *path, struct err *e);

/* Renders the servers and replaces `path` in one step. */
int conf_file_write(const char *path, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct err *e);
