/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "base/mem.h"
#include "objects/port.h"
#include "render/keepalived_conf.h"

enum { SECOND = 1000000 };

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		mem_exhausted();
}

static void append(json_t *list, json_t *value)
{
	if (json_array_append_new(list, value) < 0)
		mem_exhausted();
}

static json_t *address(const struct ipaddr *a)
{
	char text[IPADDR_TEXT];

	return json_string(ipaddr_format(text, a));
}

static json_t *tunnel_view(const struct forward *f)
{
	json_t *view = json_object();

	set(view, "type", json_string(encapsulation_name(f->encapsulation)));
	set(view, "port", f->port ? json_integer(f->port) : json_false());
	return view;
}

/* Where its check goes, if that is not the port that IPVS tells it by; 0: there. */
static uint16_t check_port(const struct virtual_server *vs, const struct real_server *real)
{
	if (vs->check.port)
		return vs->check.port;
	return real->forward.method == FORWARD_TUNNEL && real->target != real->port ? real->target
										    : 0;
}

static void set_real_server(
	json_t *view, const struct virtual_server *vs, const struct real_server *real)
{
	uint16_t checked = check_port(vs, real);

	set(view, "address", address(&real->addr));
	set(view, "port", json_integer(real->port));
	set(view, "weight", json_integer(real->weight));
	set(view, "tunnel",
		real->forward.method == FORWARD_TUNNEL ? tunnel_view(&real->forward)
						       : json_false());
	set(view, "check_port", checked ? json_integer(checked) : json_false());
}

/* The list of the view, as long as this, with empty objects where it was shorter. */
static json_t *list_of(json_t *view, const char *key, size_t n)
{
	json_t *list = json_object_get(view, key);

	if (!list) {
		list = json_array();
		set(view, key, list);
	}
	while (json_array_size(list) > n)
		json_array_remove(list, json_array_size(list) - 1);
	while (json_array_size(list) < n)
		append(list, json_object());
	return list;
}

static void set_real_servers(json_t *view, const struct virtual_server *vs)
{
	json_t *list = list_of(view, "real_servers", vs->n_reals), *item;
	size_t i;

	json_array_foreach(list, i, item)
		set_real_server(item, vs, &vs->reals[i]);
}

/* False where there is none, so that it can be a section. */
static json_t *optional(const char *text)
{
	return text ? json_string(text) : json_false();
}

static json_t *check_view(const struct health_check *check)
{
	json_t *view = json_object();

	set(view, "tcp", json_boolean(check->type == CHECK_TCP));
	set(view, "http", json_boolean(check->type == CHECK_HTTP));
	set(view, "https", json_boolean(check->type == CHECK_HTTPS));
	set(view, "path", optional(check->path));
	set(view, "codes", optional(check->codes));
	set(view, "host", optional(check->host));
	set(view, "connect_port", check->port ? json_integer(check->port) : json_false());
	set(view, "interval", json_integer((json_int_t)(check->interval / SECOND)));
	set(view, "timeout", json_integer((json_int_t)(check->timeout / SECOND)));
	return view;
}

void keepalived_view_set(json_t *view, const struct virtual_server *vs)
{
	set(view, "vip", address(&vs->vip));
	set(view, "ipv6", json_boolean(vs->vip.family == AF_INET6));
	set(view, "port", json_integer(vs->port));
	set(view, "protocol", json_string(protocol_name(vs->protocol)));
	set(view, "scheduler", json_string(scheduler_name(vs->scheduler)));
	set(view, "mh", json_boolean(vs->scheduler == SCHEDULER_MH));
	set(view, "sh", json_boolean(vs->scheduler == SCHEDULER_SH));
	set(view, "persistence",
		vs->persistence ? json_integer((json_int_t)vs->persistence) : json_false());
	set(view, "check", vs->check.type == CHECK_NONE ? json_false() : check_view(&vs->check));
	set_real_servers(view, vs);
}

json_t *keepalived_view(const struct virtual_server *const servers[], size_t n_servers)
{
	json_t *view = json_object(), *list = list_of(view, "virtual_servers", n_servers), *item;
	size_t i;

	json_array_foreach(list, i, item)
		keepalived_view_set(item, servers[i]);
	return view;
}
