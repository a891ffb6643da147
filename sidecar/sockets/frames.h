/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * Packet sockets (packet(7)) for one thing each, which a filter that nobody can take off sees to:
 * whoever has one reads nothing else of what passes on the node. What is read and sent begins
 * behind the Ethernet header.
 */
enum frames {
	FRAMES_ARP, /* RFC 826 */
	FRAMES_NDP, /* neighbour solicitations and advertisements, RFC 4861 */
};

/* It hears nothing yet. Errors: -EPERM, that names the capability. */
int frames_socket(int *ret_fd, enum frames what, struct err *e);

/* Whether it is such a socket. */
bool frames_fit(int fd, enum frames what);

/* It hears those of all interfaces from now on. Takes no capability. */
int frames_listen(int fd, enum frames what, struct err *e);
