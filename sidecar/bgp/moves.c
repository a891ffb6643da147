/* SPDX-License-Identifier: Apache-2.0 */
#include "bgp/moves.h"

#include <string.h>

#include "doc/jsonx.h"

enum { NOWHERE = -1 };

static const char *address_of(const json_t *peer)
{
	return json_string_value(json_object_get(peer, "address"));
}

/* The place of the peer with this address. */
static int find(const json_t *peers, const char *address)
{
	for (size_t i = 0; i < json_array_size(peers); i++)
		if (strcmp(address_of(json_array_get(peers, i)), address) == 0)
			return (int)i;
	return NOWHERE;
}

/* Where the session of `peer` goes on. */
static int place_now(struct moves *m, const json_t *peer, const json_t *peers)
{
	int at = find(peers, address_of(peer));

	if (at == NOWHERE) {
		m->n_removed++;
		return PEER_GONE;
	}
	if (!json_equal(peer, json_array_get(peers, (size_t)at))) {
		m->n_changed++;
		return PEER_GONE;
	}
	m->n_kept++;
	return at;
}

static json_t *kept_of(const struct moves *m, size_t n_before, json_t *after)
{
	json_t *view = jsonx_must(json_copy(after)), *kept = jsonx_must(json_array());
	const json_t *peers = json_object_get(after, "peers");

	for (size_t i = 0; i < n_before; i++)
		if (m->now[i] != PEER_GONE)
			jsonx_append(kept, json_incref(json_array_get(peers, (size_t)m->now[i])));
	jsonx_set(view, "peers", kept);
	return view;
}

struct moves moves_find(const json_t *before, json_t *after)
{
	const json_t *from = json_object_get(before, "peers"),
		     *to = json_object_get(after, "peers");
	struct moves m = {0};

	for (size_t i = 0; i < json_array_size(from); i++)
		m.now[i] = place_now(&m, json_array_get(from, i), to);
	m.n_added = json_array_size(to) - m.n_kept - m.n_changed;
	m.kept = kept_of(&m, json_array_size(from), after);
	return m;
}

void moves_done(struct moves *m)
{
	json_decref(m->kept);
	m->kept = NULL;
}
