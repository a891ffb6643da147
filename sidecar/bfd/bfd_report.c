/* SPDX-License-Identifier: Apache-2.0 */
#include "bfd/bfd_report.h"

#include "base/str.h"
#include "doc/jsonx.h"

enum { SECOND = 1000 * 1000 };

static json_t *session_json(const struct bfd_session *s, uint64_t now)
{
	json_t *said = jsonx_must(json_object());

	jsonx_set(said, "up", json_boolean(s->state == BFD_UP));
	jsonx_set(said, "state", json_string(bfd_state_name(s->state)));
	if (now && s->since)
		jsonx_set(said, "sinceSeconds",
			json_integer((json_int_t)((now - s->since) / SECOND)));
	return said;
}

static json_t *find(json_t *peers, const struct ipaddr *address)
{
	char text[IPADDR_TEXT];
	json_t *peer;
	size_t i;

	ipaddr_format(text, address);
	json_array_foreach(peers, i, peer)
		if (str_equal(json_string_value(json_object_get(peer, "peer")), text))
			return peer;
	return NULL;
}

void bfd_report_add(json_t *peers, const struct bfd *b, uint64_t now)
{
	for (size_t i = 0; i < bfd_count(b); i++) {
		const struct bfd_session *s = bfd_at(b, i);
		json_t *peer = find(peers, &s->peer);

		if (peer)
			jsonx_set(peer, "bfd", session_json(s, now));
	}
}
