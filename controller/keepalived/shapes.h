/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decide/fleet.h"

/*
 * Which shapes of virtual servers keepalived was seen to accept: protocol, family, scheduler,
 * persistence, encapsulation and kind of check. A template is logic-less and its view typed, so
 * keepalived takes a file exactly when it takes one example of each shape in it: a change that
 * brings no new shape needs no config test, and a shape that keepalived refuses keeps only its own
 * Services out of the file. There are SHAPES in all. Pure.
 */
enum { SHAPE_CHECKS = 1 + 3 * 4, SHAPES = 3 * 2 * 6 * 2 * 3 * SHAPE_CHECKS };

enum shape_state { SHAPE_UNTESTED, SHAPE_ACCEPTED, SHAPE_REFUSED };

struct shapes {
	struct {
		enum shape_state state;
		char *complaint; /* what keepalived said about a refused shape; else NULL */
	} items[SHAPES];
};

void shapes_done(struct shapes *s);

/* Below SHAPES. */
unsigned shape_of(const struct virtual_server *vs);

/* Records a verdict; `complaint` is copied, and counts with SHAPE_REFUSED only. */
void shapes_record(struct shapes *s, unsigned shape, enum shape_state state, const char *complaint);
