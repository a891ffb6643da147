/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * Unix sockets with abstract names. Such a name belongs to the network namespace its socket was
 * made in, and vanishes with the socket, however its owner ends.
 */

/* A socket in the namespace at `netns` ("": ours); returns the descriptor. */
int abstract_socket(const char *netns, int type, struct err *e);

/* Errors: -EADDRINUSE when the name is taken. */
int abstract_bind(int fd, const char *name, struct err *e);

/* Errors: -ECONNREFUSED when nobody holds the name. */
int abstract_connect(int fd, const char *name, struct err *e);

/* The other end of a connection runs as our user or as root. */
bool abstract_is_ours(int fd);
