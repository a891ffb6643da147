/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "address/allocation.h"
#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "decide/fleet.h"
#include "fuzz.h"
#include "render/keepalived_conf.h"
#include "source/manifests.h"

DEFINE_CLEANUP(struct store *, store_free);

/* From bytes to keepalived.conf: whatever users write, the file is sound. */

static const struct mustache *template(void)
{
	static struct mustache *parsed;
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	size_t len;

	if (parsed)
		return parsed;
	FUZZ_CHECK(fs_read(&text, &len, KAGO_SOURCE_DIR "/templates/keepalived.conf.mustache",
			   LIMIT_TEMPLATE_BYTES, &e) == 0);
	FUZZ_CHECK(mustache_parse(&parsed, text, len, &e) == 0);
	return parsed;
}

static void check_fleet(const struct fleet *f)
{
	for (size_t i = 0; i < f->n_servers; i++) {
		const struct virtual_server *vs = f->servers[i];
		size_t n_usable = 0;

		FUZZ_CHECK(i == 0 || virtual_server_cmp(f->servers[i - 1], vs) < 0);
		FUZZ_CHECK(vs->n_reals > 0 && vs->n_reals <= LIMIT_ENDPOINTS);
		for (size_t j = 0; j < vs->n_reals; j++)
			n_usable += vs->reals[j].weight > 0;
		FUZZ_CHECK(n_usable > 0);
	}
	for (size_t i = 0; i < f->n_services; i++)
		FUZZ_CHECK(f->services[i]->reason && f->services[i]->message);
}

/* What a leader would make of the same objects. */
static void check_allocation(const struct store *s)
{
	struct config_range range;
	struct err e = {0};
	struct config_pool pool = {
		.name = (char[]){"a"}, .ranges = &range, .n_ranges = 1, .auto_assign = true};
	const struct fleet_rules rules = {.fleet = "default",
		.default_class = true,
		.addressing = ADDRESSING_STATUS,
		.pools = &pool,
		.n_pools = 1};
	CLEANUP(allocation_freep) struct allocation *a = NULL;
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;
	const struct assignment *const *items;
	size_t n_items;

	FUZZ_CHECK(config_range_parse(&range, "10.0.0.0/8", &e) == 0);
	f = fleet_build(s, &rules);
	check_fleet(f);
	a = allocation_new(s, &rules);
	allocation_settle(a, NULL, NULL);
	items = allocation_items(a, &n_items);
	for (size_t i = 0; i < n_items; i++) {
		const struct assignment *one = items[i];

		FUZZ_CHECK(!one->reason == !one->message);
		FUZZ_CHECK(one->n_vips || one->reason);
		for (size_t k = 1; k < one->n_vips; k++)
			FUZZ_CHECK(ipaddr_cmp(&one->vips[k - 1], &one->vips[k]) < 0);
	}
}

static void check_text(const char *text, size_t len)
{
	size_t depth = 0, column = 0;

	FUZZ_CHECK(strlen(text) == len);
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		FUZZ_CHECK((c >= 0x20 && c < 0x7f) || c == '\n');
		FUZZ_CHECK(!strchr("$!#@\"'\\`", c));
		column = c == '\n' ? 0 : column + 1;
		FUZZ_CHECK(column < LIMIT_KEEPALIVED_LINE);
		depth += c == '{';
		FUZZ_CHECK(c != '}' || depth > 0);
		depth -= c == '}';
	}
	FUZZ_CHECK(depth == 0);
}

static void put_all(struct store *s, json_t *objects)
{
	const json_t *object;
	size_t i;

	json_array_foreach(objects, i, object) {
		enum store_change change;
		struct err e = {0};

		if (store_put(&change, s, object, &e) < 0) {
			FUZZ_CHECK(e.code == EINVAL && e.msg[0]);
			continue;
		}
		/* Putting the same again is no news, and never an error. */
		FUZZ_CHECK(store_put(&change, s, object, &e) == 0);
		FUZZ_CHECK(change != STORE_CHANGED);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(store_freep) struct store *s = store_new();
	CLEANUP(fleet_unrefp) struct fleet *f = NULL;
	const struct virtual_server *const *servers;
	CLEANUP_FREE char *text = NULL;
	json_auto_t *objects = NULL;
	struct err e = {0};
	size_t text_len;

	if (manifests_parse(&objects, (const char *)data, len, &e) < 0) {
		FUZZ_CHECK(e.msg[0]);
		return 0;
	}
	put_all(s, objects);
	f = fleet_build(s, &(struct fleet_rules){.fleet = "default"});
	check_fleet(f);
	check_allocation(s);
	servers = fleet_servers(f);
	FUZZ_CHECK(keepalived_conf_render(
			   &text, &text_len, template(), servers, f->n_servers, &e) == 0);
	check_text(text, text_len);
	return 0;
}
