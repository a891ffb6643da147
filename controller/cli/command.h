/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * The subcommands of kago-controller: each parses its own arguments, argv[0] being the name for its
 * messages, and returns the exit status of the program.
 */
enum {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,
	COMMAND_UNUSABLE = 2, /* wrong arguments, or input that cannot be read */
};

int cmd_check(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_template(int argc, char **argv);

/* "kago-controller: MESSAGE" on stderr; returns COMMAND_UNUSABLE. */
int command_unusable(const struct err *e);

/* The value of --output: whether it is json; ends the program if it is not table either. */
bool command_wants_json(const char *value, const struct argp_state *state);

/* Writes to stdout and sees to it that it arrived; returns COMMAND_OK or COMMAND_UNUSABLE. */
int command_print(const char *text, size_t len);
