/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/slice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "objects/port.h"
#include "objects/service.h"
#include "values/dns.h"

#define SERVICE_LABEL "kubernetes.io/service-name"
#define MANAGER_LABEL "endpointslice.kubernetes.io/managed-by"
#define CONTROLLER "endpointslice-controller.k8s.io"

/* The Service it belongs to; *ret stays NULL if it names none. */
static int decode_service_label(const char **ret, const json_t *object, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	json_t *labels = NULL;
	const json_t *label;
	int r;

	r = jsonx_object(&labels, object, "metadata.labels", e);
	if (r < 0)
		return r;
	label = json_object_get(labels, SERVICE_LABEL);
	if (!label)
		return 0;
	if (!json_is_string(label))
		return err_set(e, EINVAL,
			"metadata.labels: " SERVICE_LABEL " must be a string, not %s",
			jsonx_type_name(label));
	if (!dns_subdomain_valid(json_string_value(label)))
		return err_set(e, EINVAL,
			"metadata.labels: " SERVICE_LABEL ": %s is not a name (RFC 1123)",
			str_quote(quoted, json_string_value(label)));
	*ret = json_string_value(label);
	return 0;
}

/* 0 in *ret: host names, which are of no use. */
static int decode_family(int *ret, const json_t *object, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	const char *type;
	int r;

	r = jsonx_need_str(&type, object, "addressType", e);
	if (r < 0)
		return r;
	if (strcmp(type, "IPv4") == 0)
		*ret = AF_INET;
	else if (strcmp(type, "IPv6") == 0)
		*ret = AF_INET6;
	else if (strcmp(type, "FQDN") == 0)
		*ret = 0;
	else
		return err_set(e, EINVAL, "addressType: %s is none of IPv4, IPv6, FQDN",
			str_quote(quoted, type));
	return 0;
}

static int decode_address(struct ipaddr *ret, const json_t *endpoint, int family, struct err *e)
{
	json_t *addresses = NULL;
	const json_t *first;
	int r;

	r = jsonx_array(&addresses, endpoint, "addresses", e);
	if (r < 0)
		return r;
	first = json_array_get(addresses, 0);
	if (!json_is_string(first))
		return err_set(e, EINVAL, "addresses: must be a list of at least one string");
	r = ipaddr_parse_old(ret, json_string_value(first), e);
	if (r < 0)
		return err_wrap(e, "addresses");
	if (ret->family != family)
		return err_set(e, EINVAL, "addresses: '%s' is not of the slice's addressType",
			json_string_value(first));
	if (!ipaddr_is_unicast(ret))
		return err_set(e, EINVAL, "addresses: '%s' is not a unicast address",
			json_string_value(first));
	return 0;
}

static int decode_state(enum endpoint_state *ret, const json_t *endpoint, struct err *e)
{
	bool ready = true, serving, terminating = false;
	int r;

	r = jsonx_bool(&ready, endpoint, "conditions.ready", e);
	if (r < 0)
		return r;
	serving = ready;
	r = jsonx_bool(&serving, endpoint, "conditions.serving", e);
	if (r < 0)
		return r;
	r = jsonx_bool(&terminating, endpoint, "conditions.terminating", e);
	if (r < 0)
		return r;
	if (ready)
		*ret = ENDPOINT_READY;
	else
		*ret = serving && terminating ? ENDPOINT_DRAINING : ENDPOINT_NOT_READY;
	return 0;
}

static int endpoint_cmp(const void *pa, const void *pb)
{
	const struct endpoint *a = pa, *b = pb;
	int order = ipaddr_cmp(&a->addr, &b->addr);

	if (!order)
		order = (int)a->state - (int)b->state;
	return order ? order : strcmp(a->node, b->node);
}

static void leave_out(struct slice *s, const char *list, size_t i, const struct err *e)
{
	if (s->n_left_out++ == 0)
		s->complaint = xasprintf("%s[%zu]: %s", list, i, e->msg);
}

/* The object's. */
static int decode_node(const char **ret, const json_t *endpoint, struct err *e)
{
	char quoted[STR_QUOTED_SIZE];
	const char *node = "";
	int r = jsonx_str(&node, endpoint, "nodeName", e);

	if (r < 0)
		return r;
	if (*node && !dns_subdomain_valid(node))
		return err_set(e, EINVAL, "nodeName: %s is not a name (RFC 1123)",
			str_quote(quoted, node));
	*ret = node;
	return 0;
}

static int decode_endpoint(struct endpoint *ret, const json_t *item, int family, struct err *e)
{
	int r = decode_address(&ret->addr, item, family, e);

	if (r == 0)
		r = decode_state(&ret->state, item, e);
	return r < 0 ? r : decode_node(&ret->node, item, e);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Their endpoints have them from the object; many are on one node. */
static void keep_nodes(struct slice *s)
{
	CLEANUP_FREE const char **all = xcalloc(s->n_endpoints, sizeof(const char *));

	for (size_t i = 0; i < s->n_endpoints; i++)
		all[i] = s->endpoints[i].node;
	if (s->n_endpoints)
		qsort(all, s->n_endpoints, sizeof *all, by_text);
	s->nodes = xcalloc(s->n_endpoints, sizeof(char *));
	for (size_t i = 0; i < s->n_endpoints; i++)
		if (s->n_nodes == 0 || strcmp(s->nodes[s->n_nodes - 1], all[i]) != 0)
			s->nodes[s->n_nodes++] = xstrdup(all[i]);
	for (size_t i = 0; i < s->n_endpoints; i++)
		s->endpoints[i].node = *(char *const *)bsearch(
			&s->endpoints[i].node, s->nodes, s->n_nodes, sizeof(char *), by_text);
}

static int decode_endpoints(struct slice *s, const json_t *object, struct err *e)
{
	json_t *list = NULL;
	const json_t *item;
	size_t i;
	int r;

	r = jsonx_array(&list, object, "endpoints", e);
	if (r < 0)
		return r;
	if (json_array_size(list) > LIMIT_SLICE_ENDPOINTS)
		return err_set(e, EINVAL, "endpoints: more than %d", LIMIT_SLICE_ENDPOINTS);
	s->endpoints = xcalloc(json_array_size(list), sizeof *s->endpoints);
	json_array_foreach(list, i, item) {
		struct err odd = {0};

		if (decode_endpoint(&s->endpoints[s->n_endpoints], item, s->family, &odd) < 0)
			leave_out(s, "endpoints", i, &odd);
		else
			s->n_endpoints++;
	}
	qsort(s->endpoints, s->n_endpoints, sizeof *s->endpoints, endpoint_cmp);
	keep_nodes(s);
	return 0;
}

static int slice_port_cmp(const void *pa, const void *pb)
{
	const struct slice_port *a = pa, *b = pb;
	int order = strcmp(a->name, b->name);

	if (!order)
		order = (int)a->protocol - (int)b->protocol;
	return order ? order : (int)a->port - (int)b->port;
}

static int decode_port(struct slice_port *ret, const json_t *port, struct err *e)
{
	const char *name;
	int r;

	r = port_decode_name(&name, port, e);
	if (r < 0)
		return r;
	r = port_decode_protocol(&ret->protocol, port, e);
	if (r < 0)
		return r;
	r = port_decode_number(&ret->port, port, "port", e);
	if (r < 0)
		return r;
	if (ret->port == 0)
		return err_set(e, EINVAL, "port: missing");
	ret->name = xstrdup(name);
	return 0;
}

static int decode_ports(struct slice *s, const json_t *object, struct err *e)
{
	json_t *list = NULL;
	const json_t *item;
	size_t i;
	int r;

	r = jsonx_array(&list, object, "ports", e);
	if (r < 0)
		return r;
	if (json_array_size(list) > LIMIT_SLICE_PORTS)
		return err_set(e, EINVAL, "ports: more than %d", LIMIT_SLICE_PORTS);
	s->ports = xcalloc(json_array_size(list), sizeof *s->ports);
	json_array_foreach(list, i, item) {
		struct slice_port *port = &s->ports[s->n_ports];
		struct err odd = {0};

		*port = (struct slice_port){0};
		if (decode_port(port, item, &odd) < 0)
			leave_out(s, "ports", i, &odd);
		else
			s->n_ports++;
	}
	qsort(s->ports, s->n_ports, sizeof *s->ports, slice_port_cmp);
	return 0;
}

/* What mirrors Endpoints, which anybody may have written, says another name. */
static bool is_of_controller(const json_t *object)
{
	const json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
	const char *manager = json_string_value(json_object_get(labels, MANAGER_LABEL));

	return manager && strcmp(manager, CONTROLLER) == 0;
}

int slice_decode(struct slice **ret, const struct objname *id, const json_t *object, struct err *e)
{
	CLEANUP(slice_freep) struct slice *s = xnew0(struct slice);
	const char *service = NULL;
	int r;

	r = decode_service_label(&service, object, e);
	if (r < 0)
		return r;
	r = decode_family(&s->family, object, e);
	if (r < 0)
		return r;
	if (!service) {
		*ret = NULL;
		return 0;
	}
	if (s->family)
		r = decode_endpoints(s, object, e);
	if (r < 0)
		return r;
	r = decode_ports(s, object, e);
	if (r < 0)
		return r;
	objname_init(&s->id, id->ns, id->name);
	objname_init(&s->service, id->ns, service);
	s->is_of_controller = is_of_controller(object);
	*ret = steal(s);
	return 0;
}

struct slice *slice_free(struct slice *s)
{
	if (!s)
		return NULL;
	objname_done(&s->id);
	objname_done(&s->service);
	for (size_t i = 0; i < s->n_ports; i++)
		free(s->ports[i].name);
	free(s->ports);
	free(s->endpoints);
	for (size_t i = 0; i < s->n_nodes; i++)
		free(s->nodes[i]);
	free(s->nodes);
	free(s->complaint);
	free(s);
	return NULL;
}

bool slice_equal(const struct slice *a, const struct slice *b)
{
	if (objname_cmp(&a->service, &b->service) != 0 || a->family != b->family ||
		a->n_ports != b->n_ports || a->n_endpoints != b->n_endpoints ||
		a->is_of_controller != b->is_of_controller || a->n_left_out != b->n_left_out ||
		!str_equal(a->complaint, b->complaint))
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (slice_port_cmp(&a->ports[i], &b->ports[i]) != 0)
			return false;
	for (size_t i = 0; i < a->n_endpoints; i++)
		if (endpoint_cmp(&a->endpoints[i], &b->endpoints[i]) != 0)
			return false;
	return true;
}

/* The port of a slice with this name, or any with the number if that is not 0; 0: there is none. */
static uint16_t find_port(
	const struct slice *slice, uint16_t protocol, const char *name, uint16_t number)
{
	uint16_t by_number = 0;

	for (size_t i = 0; i < slice->n_ports; i++) {
		const struct slice_port *p = &slice->ports[i];

		if (p->protocol != protocol)
			continue;
		if (strcmp(p->name, name) == 0)
			return p->port;
		if (p->port == number)
			by_number = number;
	}
	return by_number;
}

uint16_t slice_target(const struct slice *slice, const struct service_port *port)
{
	uint16_t number = port->target_name ? 0 : port->target_port;
	uint16_t found = find_port(slice, port->protocol, port->name, number);

	if (!found && port->former_name)
		found = find_port(slice, port->protocol, port->former_name, 0);
	return found;
}
