/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "doc/mustache.h"
#include "model/fleet.h"
#include "render/keepalived_conf.h"

/* Renders the servers (see keepalived_conf_render) and replaces `path` in one step. */
int conf_file_write(const char *path, const struct mustache *template,
	const struct virtual_server *const servers[], size_t n_servers, struct conf_text *texts,
	struct err *e);
