/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "net/ipvs_proc.h"

DEFINE_CLEANUP(struct ipvs_table *, ipvs_table_free);

/* Whatever the text: sorted, and each service is found by its key. */
static void check(const struct ipvs_table *t)
{
	for (size_t i = 0; i < t->n_services; i++) {
		const struct ipvs_service *s = &t->services[i];

		FUZZ_CHECK(ipvs_table_find(t, &s->addr, s->protocol, s->port) == s);
		for (size_t j = 0; j < s->n_dests; j++)
			FUZZ_CHECK(ipvs_service_find(s, &s->dests[j].addr, s->dests[j].port) ==
				   &s->dests[j]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(ipvs_table_freep) struct ipvs_table *t = NULL;
	CLEANUP_FREE char *text = xcalloc(len + 1, 1);
	struct err e = {0};

	if (len)
		memcpy(text, data, len);
	if (ipvs_proc_parse(&t, text, &e) == 0)
		check(t);
	return 0;
}
