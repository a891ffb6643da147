/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/version.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

int version_minor(unsigned *ret, const json_t *answer)
{
	const char *text = json_string_value(json_object_get(answer, "minor"));
	CLEANUP_FREE char *digits = NULL;
	struct err e = {0};
	uint64_t minor;
	int r;

	if (!text)
		return -EINVAL;
	digits = xasprintf("%.*s", (int)strspn(text, "0123456789"), text);
	r = str_to_u64(&minor, digits, 0, UINT16_MAX, &e);
	if (r < 0)
		return r;
	*ret = (unsigned)minor;
	return 0;
}
