/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "check/preflight.h"
#include "config/config.h"

struct survey_options {
	const char *config_path;  /* of the configuration; NULL: there is none */
	const char *config_error; /* what is wrong with it: `config` is made of defaults then */
	bool fix;                 /* set sysctls; else nothing is written anywhere */
};

/*
 * Collects what there is to know of the network namespace we are in, of the programs beside us and
 * of those that the configuration names, at the same time where that takes time: some ten seconds
 * at most. The API server is asked if there is a kubeconfig, or if this is a pod. What is wrong is
 * a fact and no error; errors are that there is no event loop, or that capabilities cannot be given
 * up. `config` and `options` are borrowed by `ret`.
 *
 * This process has no capability afterwards, nor gets one back: it gives them up when the kernel
 * was tried and the sysctls are set, before anybody else is asked.
 */
int survey_run(struct preflight *ret, const struct config *config,
	const struct survey_options *options, struct err *e);
