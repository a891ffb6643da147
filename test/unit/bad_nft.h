/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <nftables/libnftables.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

/*
 * nftables that has one table at most, and fails as often as a test wants. To be linked with
 * --wrap for each __wrap_ below; what runs in children is seen here, too.
 */

enum nft_mood { NFT_WORKS, NFT_REFUSES, NFT_IS_KILLED, NFT_EXITS, NFT_HANGS, NFT_CANNOT_START };

enum { NFT_TEXT = 16384 };

static struct bad_nft {
	enum nft_mood mood;
	unsigned n_times; /* it does so, and works then */
	unsigned n_runs;  /* that were to put something in place */
	unsigned n_reads; /* of the table, that have ended */
	unsigned n_asked; /* for the generation */
	bool unreadable;  /* the table, while it is so */
	uint32_t generation;
	bool there;           /* the table */
	char table[NFT_TEXT]; /* what was put in place last */
} * nft;

static unsigned bad_nft_alarm; /* seconds, of a child */

pid_t __real_fork(void);
pid_t __wrap_fork(void);
unsigned __wrap_alarm(unsigned seconds);
int __wrap_nft_run_cmd_from_filename(struct nft_ctx *ctx, const char *path);
const char *__wrap_nft_ctx_get_output_buffer(struct nft_ctx *ctx);
int __wrap_generation_read(uint32_t *ret, struct err *e);
const char *__wrap_nft_ctx_get_error_buffer(struct nft_ctx *ctx);

static inline void bad_nft_begin(void)
{
	nft = mmap(NULL, sizeof *nft, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(nft, MAP_FAILED);
}

static inline void bad_nft_end(void)
{
	munmap(nft, sizeof *nft);
}

static inline void bad_nft_be(enum nft_mood mood, unsigned n_times)
{
	nft->n_times = n_times;
	nft->mood = mood;
	nft->n_runs = 0;
}

/* Whether the table holds this. */
static inline bool bad_nft_has(const char *text)
{
	return strstr(nft->table, text) != NULL;
}

static inline enum nft_mood bad_nft_mood(void)
{
	if (nft->n_times == 0)
		return NFT_WORKS;
	nft->n_times--;
	return nft->mood;
}

pid_t __wrap_fork(void)
{
	if (nft->mood == NFT_CANNOT_START && bad_nft_mood() == NFT_CANNOT_START) {
		nft->n_runs++;
		errno = EAGAIN;
		return -1;
	}
	return __real_fork();
}

unsigned __wrap_alarm(unsigned seconds)
{
	bad_nft_alarm = seconds;
	return 0;
}

/* As if it went on until the alarm, if one is set. */
static inline void bad_nft_hang(void)
{
	if (bad_nft_alarm > 0)
		raise(SIGALRM);
	for (;;)
		pause();
}

static inline void bad_nft_read(char ret_text[static NFT_TEXT], const char *path)
{
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	ret_text[fread(ret_text, 1, NFT_TEXT - 1, file)] = '\0';
	assert_int_equal(fclose(file), 0);
}

/* All would be well, but for a table that is there already. */
static inline int bad_nft_try(const char *path)
{
	char text[NFT_TEXT];

	bad_nft_read(text, path);
	return nft->there && strstr(text, "create table") ? -1 : 0;
}

static inline int bad_nft_put(const char *path)
{
	bad_nft_read(nft->table, path);
	nft->there = true;
	nft->generation++;
	return 0;
}

/* Somebody else's transaction. */
static inline void bad_nft_flush(void)
{
	nft->there = false;
	nft->table[0] = '\0';
	nft->generation++;
}

static inline bool bad_nft_lists(const char *path)
{
	char text[NFT_TEXT];

	bad_nft_read(text, path);
	return strstr(text, "list table") != NULL;
}

int __wrap_nft_run_cmd_from_filename(struct nft_ctx *ctx, const char *path)
{
	if (nft_ctx_get_dry_run(ctx))
		return bad_nft_try(path);
	if (bad_nft_lists(path)) {
		nft->n_reads++;
		return nft->there && !nft->unreadable ? 0 : -1;
	}
	nft->n_runs++;
	switch (bad_nft_mood()) {
	case NFT_REFUSES:
		return -1;
	case NFT_IS_KILLED:
		raise(SIGKILL);
		break;
	case NFT_EXITS:
		_exit(127);
	case NFT_HANGS:
		bad_nft_hang();
		break;
	case NFT_CANNOT_START:
	case NFT_WORKS:
		break;
	}
	return bad_nft_put(path);
}

const char *__wrap_nft_ctx_get_error_buffer(struct nft_ctx *ctx)
{
	(void)ctx;
	return "Error: no buffer space\n";
}

const char *__wrap_nft_ctx_get_output_buffer(struct nft_ctx *ctx)
{
	(void)ctx;
	return nft->table;
}

int __wrap_generation_read(uint32_t *ret, struct err *e)
{
	(void)e;
	nft->n_asked++;
	*ret = nft->generation;
	return 0;
}
