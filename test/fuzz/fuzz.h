/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer's entry point, which every fuzz target defines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A property that must hold for any input; unlike assert() it does so in every build type. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)
