/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "decide/fleet.h"
#include "doc/yaml.h"
#include "objects/store.h"

/* Kubernetes objects for tests, written as YAML. */

DEFINE_CLEANUP(struct store *, store_free);

/* All documents of a text. */
static inline json_t *objects_of(const char *yaml)
{
	struct err e = {0};
	json_t *documents = NULL;

	if (yaml_parse(&documents, yaml, strlen(yaml), &e) < 0)
		fail_msg("%s in: %s", e.msg, yaml);
	return documents;
}

/* The first document of a text. */
static inline json_t *object_of(const char *yaml)
{
	json_auto_t *documents = objects_of(yaml);

	return json_incref(json_array_get(documents, 0));
}

/* Puts all documents of a text; all have to be right. Returns what the last one changed. */
static inline enum store_change put_all(struct store *s, const char *yaml)
{
	json_auto_t *documents = objects_of(yaml);
	enum store_change change = STORE_SAME;
	struct err e = {0};
	json_t *object;
	size_t i;

	json_array_foreach(documents, i, object)
		if (store_put(&change, s, object, &e) < 0)
			fail_msg("%s", e.msg);
	return change;
}

/* Puts one document that is wrong, and compares the message. */
static inline void put_wrong(struct store *s, const char *yaml, const char *message)
{
	json_auto_t *object = object_of(yaml);
	enum store_change change;
	struct err e = {0};

	assert_int_equal(store_put(&change, s, object, &e), -EINVAL);
	assert_string_equal(e.msg, message);
}

#define SERVICE(name, more)                                                                        \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: shop" more "\n"
#define SLICE(name, service, more)                                                                 \
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                              \
	"metadata: {name: " name ", namespace: shop,\n"                                            \
	"           labels: {kubernetes.io/service-name: " service "}}\n" more "\n"

/* A Service of the fleet "a" with this VIP annotation, more of metadata, and ports. */
#define LB(name, vip, meta, ports)                                                                 \
	SERVICE(name, ", annotations: {kago.dev/vip: '" vip "'" meta                               \
		      "}}\nspec: {type: LoadBalancer, loadBalancerClass: kago.dev/a, "             \
		      "ports: [" ports "]}")

/* The time of its creation, for the metadata of LB. */
#define AT(time) "}, creationTimestamp: '" time "', x: {y: z"
