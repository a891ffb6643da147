/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "keepalived/shapes.h"
#include "model/fleet.h"
#include "render/keepalived_conf.h"

/* A fleet on its way to the kernel: the virtual servers of it that go into keepalived.conf. */
struct plan {
	struct fleet *fleet;
	const struct virtual_server **servers; /* of the fleet, sorted */
	size_t n_servers;
	struct conf_text *texts; /* of the servers, as far as known */
	uint64_t event_time;     /* loop time of the first change that led to it */
};

/* Consumes `fleet`. No server is selected yet. */
struct plan *plan_new(struct fleet *fleet, uint64_t event_time) __attribute__((warn_unused_result));
struct plan *plan_free(struct plan *p);

/* Selects all servers but those of refused shapes. */
void plan_select(struct plan *p, const struct shapes *shapes);

/* Takes over from a plan with the same template the texts of servers that are the same in both. */
void plan_inherit(struct plan *p, struct plan *from);

/* usec from a start of the health checks until the slowest has had its say; 0 for NULL. */
uint64_t plan_check_time(const struct plan *p);

/*
 * One server of each shape that is still untested, at most `max`, in ret_examples. Returns how many
 * there are.
 */
size_t plan_untested(const struct plan *p, const struct shapes *shapes,
	const struct virtual_server *ret_examples[], size_t max);
