/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "values/ipaddr.h"

/* The new name of our network namespace's interface that has the address; -ENOENT if none has. */
int pod_interface_of(char **ret_name, const struct ipaddr *addr, struct err *e);
