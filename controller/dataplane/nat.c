/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/nat.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/apart.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/mustache.h"

DEFINE_CLEANUP(struct mustache *, mustache_free);

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
#define CLEAR "add table " NAT_TABLE "; delete table " NAT_TABLE "; "

/* nft names the place of a mistake for files alone, so the text becomes one that nobody else sees.
 */
static int run_here(const void *arg, struct err *e)
{
	const char *commands = arg;
	CLEANUP(free_nft) struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	CLEANUP_CLOSE int fd = memfd_create("nft", MFD_CLOEXEC);
	char path[32];
	const char *said;

	if (!nft || nft_ctx_buffer_output(nft) != 0 || nft_ctx_buffer_error(nft) != 0)
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

/* libnftables and what it needs would make a sixth of the controller's memory. */
static int run(const char *commands, struct err *e)
{
	return apart(run_here, commands, e);
}

static int fill_template(char **ret_text, const char *path, struct err *e)
{
	CLEANUP(mustache_freep) struct mustache *m = NULL;
	CLEANUP(free_json) json_t *view = json_pack("{ss}", "table", NAT_TABLE);
	size_t len;
	int r = mustache_load(&m, path, e);

	if (r < 0)
		return r;
	r = mustache_render(ret_text, &len, m, view, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

int nat_apply(const char *template_path, struct err *e)
{
	CLEANUP_FREE char *text = NULL, *commands = NULL;
	int r = fill_template(&text, template_path, e);

	if (r < 0)
		return r;
	/* On one line with the text's first: nft's line numbers are then those of the text. */
	commands = xasprintf(CLEAR "%s", text);
	r = run(commands, e);
	return r < 0 ? err_wrap(e, "applying %s with nftables", template_path) : 0;
}

int nat_remove(struct err *e)
{
	int r = run(CLEAR, e);

	return r < 0 ? err_wrap(e, "removing the nftables table " NAT_TABLE) : 0;
}
