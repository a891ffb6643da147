/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/mem.h"
#include "doc/yaml.h"

/* Filled while a document is read, then sealed once, then asked. */

struct yaml_marks *yaml_marks_new(void) __attribute__((warn_unused_result));
DEFINE_CLEANUP(struct yaml_marks *, yaml_marks_free);

void yaml_marks_add(struct yaml_marks *marks, const json_t *value, struct yaml_mark at);
void yaml_marks_add_key(
	struct yaml_marks *marks, const json_t *object, const char *key, struct yaml_mark at);
void yaml_marks_seal(struct yaml_marks *marks);
