/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The commands of kago-node: what follows its name; returns the exit status. */
int cmd_run(int argc, char *argv[]);
int cmd_status(int argc, char *argv[]);
int cmd_realserver(int argc, char *argv[]);
int cmd_remove(int argc, char *argv[]);
