/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"

/*
 * What the files say that bgp.peers[].passwordFile names, followed while they change, as a mounted
 * Secret does. A file that cannot be read any more, or holds no password, leaves the one before in
 * use. Logs: bgp.password_kept, bgp.password_read, bgp.password_unwatched.
 */
struct passwords;

/* `on_change`: a password is another one now, or there is one that there was not. */
struct passwords *passwords_new(sd_event *loop, void (*on_change)(void *ud), void *ud);
struct passwords *passwords_free(struct passwords *p);
DEFINE_CLEANUP(struct passwords *, passwords_free);

/* Those of these peers from now on, all read anew; on_change is not called of it. */
void passwords_follow(struct passwords *p, const struct config_peer *peers, size_t n_peers);

/* As Base64; borrowed. Errors: those of password_read, of a file that there was never one in. */
int passwords_find(const char **ret, const struct passwords *p, const char *path, struct err *e);
