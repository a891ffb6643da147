/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* templates/keepalived.conf.mustache as it was when this program was built. */
extern const char packaged_template[];
extern const size_t packaged_template_len;
