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

static json_t *real_server_view(const struct virtual_server *vs, const struct real_server *real)
{
	uint16_t checked = check_port(vs, real);
	json_t *view = json_object();

	set(view, "address", address(&real->addr));
	set(view, "port", json_integer(real->port));
	set(view, "weight", json_integer(real->weight));
	set(view, "tunnel",
		real->forward.method == FORWARD_TUNNEL ? tunnel_view(&real->forward)
						       : json_false());
	set(view, "check_port", checked ? json_integer(checked) : json_false());
	return view;
}

static json_t *reals_view(const struct virtual_server *vs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < vs->n_reals; i++)
		append(list, real_server_view(vs, &vs->reals[i]));
	return list;
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

json_t *keepalived_view_of(const struct virtual_server *vs)
{
	json_t *view = json_object();

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
	set(view, "real_servers", reals_view(vs));
	return view;
}

json_t *keepalived_view(const struct virtual_server *const servers[], size_t n_servers)
{
	json_t *view = json_object(), *list = json_array();

	for (size_t i = 0; i < n_servers; i++)
		append(list, keepalived_view_of(servers[i]));
	set(view, "virtual_servers", list);
	return view;
}
