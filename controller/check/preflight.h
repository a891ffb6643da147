/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "check/api.h"
#include "check/kernel.h"
#include "check/layer2.h"
#include "check/network.h"
#include "check/programs.h"
#include "check/settings.h"
#include "check/sysctls.h"
#include "check/tunnels.h"

/*
 * `kago-controller check`: what is known of the place where a load balancer is to run, and what
 * there is to say of it. Pure; check/survey collects the facts. docs/check.md has all that can be
 * said.
 */
struct preflight {
	struct settings_facts settings;
	struct kernel_facts kernel;
	struct sysctls_facts sysctls;
	struct network_facts network;
	struct programs_facts programs;
	struct api_facts api;
	struct tunnels_facts tunnels;
	struct layer2_facts layer2;
};

/* The findings, always in the same order. */
void preflight_judge(struct findings *ret, const struct preflight *p);
void preflight_done(struct preflight *p);
#define CLEANUP_PREFLIGHT CLEANUP(preflight_done)
