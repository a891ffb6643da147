/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "lead/lease_client.h"

/*
 * The nodes that take tunnels, as the leader publishes them in one object that all load balancers
 * read, the leader too: the choice of a pod depends on it, so that all have to go by the same. It
 * is written when it changes, and once a second at most.
 */
struct node_list;

/* What it says: the two texts of a tunnel_set. */
struct node_list_words {
	char *nodes, *own;
};

/*
 * `client` is borrowed, `name` copied. `make` gives what it shall say, in new memory: it is asked
 * while we lead and there are news, ten times a second at most. False: it cannot be told right now.
 */
int node_list_new(struct node_list **ret, const struct lease_client *client, const char *name,
	bool (*make)(struct node_list_words *ret, void *ud), void *ud, struct err *e);
struct node_list *node_list_free(struct node_list *p);

const char *node_list_name(const struct node_list *p);

/*
 * What the watch says of it. True: it says something else than before. One that is gone says what
 * it said last, until the leader has made it again: nodes go on as they are.
 */
bool node_list_seen(struct node_list *p, const struct lease *l);
void node_list_gone(struct node_list *p);

/* What it says; "" if there never was one. Borrowed until the next turn of the loop. */
const struct node_list_words *node_list_says(const struct node_list *p);

/* We lead from now on: it is written. `make` may give something else than before. */
void node_list_lead(struct node_list *p);
void node_list_news(struct node_list *p);

/* Nothing is written any more: another one leads. */
void node_list_rest(struct node_list *p);
