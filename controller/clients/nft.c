/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/nft.h"

#include <errno.h>
#include <limits.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum { PATIENCE = 120 /* seconds, after which SIGALRM ends the child */ };

static void free_nft(struct nft_ctx **nft)
{
	if (*nft)
		nft_ctx_free(*nft);
}

static void free_json(json_t **json)
{
	json_decref(*json);
}

/* The table is made so that it can be deleted: nft has no "delete if it is there" yet. */
#define CLEAR "add table " NFT_TABLE "; delete table " NFT_TABLE "; "

/* A virtual server of each family, and one nobody may use: what a template can be asked to do. */
static struct guards examples(void)
{
	static const uint8_t vip4[4] = {192, 0, 2, 1}, net4[4] = {198, 51, 100, 0};
	static const uint8_t vip6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	static const uint8_t net6[16] = {0x20, 1, 0xd, 0xb8, 1};
	struct ipnet nets[] = {
		{ipaddr_from_bytes(AF_INET, net4), 24}, {ipaddr_from_bytes(AF_INET6, net6), 64}};
	const struct virtual_server servers[] = {
		{.vip = ipaddr_from_bytes(AF_INET, vip4),
			.port = 1,
			.protocol = IPPROTO_TCP,
			.restricted = true,
			.sources = &nets[0],
			.n_sources = 1},
		{.vip = ipaddr_from_bytes(AF_INET, vip4),
			.port = 1,
			.protocol = IPPROTO_UDP,
			.restricted = true},
		{.vip = ipaddr_from_bytes(AF_INET6, vip6),
			.port = 1,
			.protocol = IPPROTO_SCTP,
			.restricted = true,
			.sources = &nets[1],
			.n_sources = 1},
	};
	const struct virtual_server *const all[] = {&servers[0], &servers[1], &servers[2]};

	return guards_of(all, sizeof all / sizeof all[0]);
}

/* nft names the place of a mistake for files alone, so the text becomes one that nobody else sees.
 */
static int run_with(struct nft_ctx *nft, const char *commands, struct err *e)
{
	CLEANUP_CLOSE int fd = memfd_create("nft", MFD_CLOEXEC);
	char path[32];
	const char *said;

	if (nft_ctx_buffer_output(nft) != 0 || nft_ctx_buffer_error(nft) != 0)
		mem_exhausted();
	if (fd < 0 || dprintf(fd, "%s\n", commands) < 0)
		return err_errno(e, errno, "keeping nftables commands");
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (nft_run_cmd_from_filename(nft, path) == 0)
		return 0;
	said = nft_ctx_get_error_buffer(nft);
	if (!str_has_prefix(said, path))
		return err_set(e, EINVAL, "%.*s", (int)strcspn(said, "\n"), said);
	said += strlen(path) + 1; /* "PATH:LINE:COLUMNS: Error: ..." */
	return err_set(e, EINVAL, "line %.*s", (int)strcspn(said, "\n"), said);
}

static struct nft_ctx *make_nft(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (!nft)
		mem_exhausted();
	return nft;
}

static int run(const char *commands, bool dry, struct err *e)
{
	CLEANUP(free_nft) struct nft_ctx *nft = make_nft();

	nft_ctx_set_dry_run(nft, dry);
	return run_with(nft, commands, e);
}

int nft_fill(
	char **ret_text, const struct mustache *template, const struct guards *g, struct err *e)
{
	CLEANUP(free_json) json_t *view = guards_view(g);
	size_t n_sources = json_array_size(json_object_get(view, "allowed4")) +
			   json_array_size(json_object_get(view, "allowed6"));
	size_t len;

	if (n_sources > LIMIT_NFT_SOURCES)
		return err_set(e, EFBIG, "%zu source ranges; the Services of a fleet may have %d",
			n_sources, LIMIT_FLEET_SOURCES);
	if (json_object_set_new(view, "table", json_string(NFT_TABLE)) < 0)
		mem_exhausted();
	return mustache_render(ret_text, &len, template, view, e);
}

static int put(const struct mustache *template, const struct guards *g, bool dry, struct err *e)
{
	CLEANUP_FREE char *text = NULL, *commands = NULL;
	int r = nft_fill(&text, template, g, e);

	if (r < 0)
		return r;
	/* On one line with the text's first: nft's line numbers are then those of the text. */
	commands = xasprintf(CLEAR "%s", text);
	return run(commands, dry, e);
}

int nft_put(const void *arg, struct err *e)
{
	const struct nft_order *order = arg;

	alarm(PATIENCE);
	return put(order->template, order->guards, false, e);
}

/* A template that would leave every virtual server open is not one that may run. */
static int check_guards(const struct mustache *template, const struct guards *some, struct err *e)
{
	CLEANUP_FREE char *text = NULL, *bare = NULL;
	int r = nft_fill(&text, template, some, e);

	if (r >= 0)
		r = nft_fill(&bare, template, &(struct guards){0}, e);
	/* Both are there. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	if (r >= 0 && strcmp(text, bare) == 0)
		r = err_set(e, EINVAL,
			"it restricts no clients; it needs guarded4, allowed4, guarded6 and "
			"allowed6");
	return r;
}

int nft_check(const void *arg, struct err *e)
{
	CLEANUP(guards_donep) struct guards some = examples();
	const struct nft_order *order = arg;
	int r;

	alarm(PATIENCE);
	r = put(order->template, &some, true, e);
	return r < 0 ? r : check_guards(order->template, &some, e);
}

static bool is_there(void)
{
	struct err ignored = {0};

	return run("create table " NFT_TABLE, true, &ignored) < 0;
}

int nft_set_up(const void *arg, struct err *e)
{
	const struct nft_order *order = arg;
	int r = nft_check(order, e);

	if (r < 0)
		return r;
	if (is_there())
		return 1;
	return put(order->template, order->guards, false, e);
}

#define TRIED "inet kago_check"

int nft_try(const void *arg, struct err *e)
{
	(void)arg;
	alarm(PATIENCE);
	return run(
		"add table " TRIED "; delete table " TRIED "; add table " TRIED "; "
		"add chain " TRIED
		" out { type nat hook postrouting priority srcnat; policy accept; }; "
		"add rule " TRIED " out mark 0x6b61676f fib saddr . oif type != local masquerade; "
		"add chain " TRIED
		" in { type filter hook input priority filter; policy accept; }; "
		"add rule " TRIED
		" in mark 0x6b61676f ct state invalid meta l4proto { tcp, udp } drop; "
		"add chain " TRIED " no; "
		"add rule " TRIED " no meta l4proto tcp reject with tcp reset; "
		"add map " TRIED " guarded { type ipv6_addr . inet_proto . inet_service : mark; }; "
		"add set " TRIED " allowed { type mark . ipv4_addr; flags interval; }; "
		"add set " TRIED " tunnelled { type ipv4_addr . inet_proto . inet_service; }; "
		"delete table " TRIED,
		false, e);
}

int nft_remove(const void *arg, struct err *e)
{
	(void)arg;
	return run(CLEAR, false, e);
}

int nft_digest(const void *arg, struct err *e)
{
	CLEANUP(free_nft) struct nft_ctx *nft = make_nft();
	uint64_t digest = DIGEST_INIT;
	int r;

	(void)arg;
	alarm(PATIENCE);
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL);
	r = run_with(nft, "list table " NFT_TABLE, e);
	if (r < 0)
		return is_there() ? r : err_set(e, ENOENT, "there is no table " NFT_TABLE);
	digest_add_text(&digest, nft_ctx_get_output_buffer(nft));
	return (int)((digest ^ digest >> 32) & INT_MAX);
}
