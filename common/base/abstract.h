/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

/*
 * Unix sockets with abstract names. Such a name belongs to the network namespace its socket was
 * made in, and vanishes with the socket, however its owner ends.
 */

/* A socket in our own namespace; returns the descriptor. */
int abstract_socket(int type, struct err *e);

/* Errors: -EADDRINUSE when the name is taken. */
int abstract_bind(int fd, const char *name, struct err *e);

/* Errors: -ECONNREFUSED when nobody holds the name. */
int abstract_connect(int fd, const char *name, struct err *e);
