/* SPDX-License-Identifier: Apache-2.0 */
#include "values/dns.h"

#include <string.h>

#include "base/limits.h"

/* The length of the label that `text` starts with, however long; 0 if there is none. */
static size_t label_len(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (len == 0 || text[0] == '-' || text[len - 1] == '-')
		return 0;
	return len;
}

bool dns_label_valid(const char *text)
{
	size_t len = label_len(text);

	return len && len <= DNS_LABEL_MAX && text[len] == '\0';
}

bool dns_subdomain_valid(const char *text)
{
	size_t len;

	if (strlen(text) > LIMIT_NAME)
		return false;
	for (;;) {
		len = label_len(text);
		if (!len)
			return false;
		text += len;
		if (*text == '\0')
			return true;
		if (*text++ != '.')
			return false;
	}
}
