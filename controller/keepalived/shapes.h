/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/fleet.h"

/*
 * Which shapes of virtual servers (virtual_server_shape) keepalived was seen to accept. A template
 * is logic-less and its view typed, so keepalived takes a file exactly when it takes one example of
 * each shape in it: a change that brings no new shape needs no config test, and a shape that
 * keepalived refuses keeps only its own Services out. Pure.
 */
struct shapes;

enum shape_state { SHAPE_UNTESTED, SHAPE_ACCEPTED, SHAPE_REFUSED };

struct shapes *shapes_new(void) __attribute__((warn_unused_result));
struct shapes *shapes_free(struct shapes *s);

enum shape_state shapes_state(const struct shapes *s, const struct virtual_server *vs);

/* What keepalived said about a refused shape; NULL for others. */
const char *shapes_complaint(const struct shapes *s, const struct virtual_server *vs);

/* Records a verdict; `complaint` is copied, and wanted with SHAPE_REFUSED only. */
void shapes_record(struct shapes *s, const struct virtual_server *vs, enum shape_state state,
	const char *complaint);
