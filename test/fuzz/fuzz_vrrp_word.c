/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include "vrrp/share.h"
#include "vrrp/vrrp_word.h"

struct count {
	size_t n_words, n_readable;
};

static void on_word(void *ud, const struct vrrp_word *word)
{
	struct count *count = ud;

	FUZZ_CHECK(word->kind <= VRRP_PULSE && word->share < SHARES);
	count->n_words++;
	count->n_readable += word->kind != VRRP_UNREADABLE;
}

/* What comes in two pieces is what comes in one; each line is a word. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct vrrp_words whole = {0}, pieces = {0};
	struct count of_whole = {0}, of_pieces = {0};
	size_t n_lines = 0;

	for (size_t i = 0; i < len; i++)
		n_lines += data[i] == '\n';
	vrrp_words_read(&whole, text, len, on_word, &of_whole);
	vrrp_words_read(&pieces, text, len / 3, on_word, &of_pieces);
	vrrp_words_read(&pieces, text + len / 3, len - len / 3, on_word, &of_pieces);
	FUZZ_CHECK(of_whole.n_words == n_lines && of_pieces.n_words == n_lines);
	FUZZ_CHECK(of_whole.n_readable == of_pieces.n_readable);
	FUZZ_CHECK(whole.len == pieces.len && whole.len <= LIMIT_VRRP_LINE);
	return 0;
}
