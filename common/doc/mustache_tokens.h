/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "doc/mustache.h"

/* What mustache_parse() makes of a template and mustache_render() goes through. */

enum token_type { TOKEN_TEXT, TOKEN_VALUE, TOKEN_SECTION, TOKEN_INVERTED, TOKEN_END };

struct token {
	enum token_type type;
	unsigned line;
	const char *text; /* the text, or the name of a tag; a part of the template */
	size_t len;
	size_t end; /* of a section: the index of its TOKEN_END */
};

struct mustache {
	char *text;
	size_t len;
	struct token *tokens;
	size_t n_tokens;
};
