/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

enum { DNS_LABEL_MAX = 63 };

/*
 * Names as Kubernetes has them: RFC 1123, so a first digit is fine. A label has at most 63 of
 * [a-z0-9-], and no dash at either end. A subdomain is such labels, of any length, joined by dots,
 * of LIMIT_NAME in all.
 */
bool dns_label_valid(const char *text);
bool dns_subdomain_valid(const char *text);
