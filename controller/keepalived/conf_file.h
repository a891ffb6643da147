/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "decide/fleet.h"
#include "doc/mustache.h"

/* A file for keepalived: what the template makes of these virtual servers. */
struct conf_file {
	const char *path;
	const struct mustache *template;
	const struct virtual_server *const *servers;
	size_t n_servers;
};

/* Renders a struct conf_file (keepalived_conf_render) and replaces its path in one step; blocks. */
int conf_file_write(const void *arg, struct err *e);
