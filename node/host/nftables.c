/* SPDX-License-Identifier: Apache-2.0 */
#include "host/nftables.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

struct nftables {
	struct nft_ctx *ctx;
};

struct nftables *nftables_new(void)
{
	struct nftables *n = xnew0(struct nftables);

	n->ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!n->ctx || nft_ctx_buffer_output(n->ctx) != 0 || nft_ctx_buffer_error(n->ctx) != 0)
		mem_exhausted();
	return n;
}

struct nftables *nftables_free(struct nftables *n)
{
	if (!n)
		return NULL;
	if (n->ctx)
		nft_ctx_free(n->ctx);
	free(n);
	return NULL;
}

int nftables_run(struct nftables *n, const char *commands, struct err *e)
{
	const char *said;

	if (nft_run_cmd_from_buffer(n->ctx, commands) == 0)
		return 0;
	said = nft_ctx_get_error_buffer(n->ctx);
	return err_set(e, EINVAL, "nftables: %.*s", (int)strcspn(said, "\n"), said);
}
