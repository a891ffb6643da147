/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The commands; argv[0] is the command's name. Each returns the program's exit status. */
int cmd_run(int argc, char *argv[]);
int cmd_relay(int argc, char *argv[]);
int cmd_status(int argc, char *argv[]);
