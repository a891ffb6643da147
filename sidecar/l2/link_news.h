/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "base/err.h"
#include "l2/links.h"
#include "sockets/sockets.h"

/*
 * The links of the node as its kernel tells of them (rtnetlink(7)): those of its network namespace
 * that the sockets belong to. What is lost of its news is read anew; as long as that fails, what
 * was known stands. Logs: links.unknown, links.known.
 */
struct link_news;

/* Takes its sockets out of `node`, and reads all links; `on_change` is called for what is news. */
int link_news_open(struct link_news **ret, sd_event *loop, struct sockets *node,
	void (*on_change)(void *ud), void *ud, struct err *e);
struct link_news *link_news_close(struct link_news *n);
DEFINE_CLEANUP(struct link_news *, link_news_close);

/* Borrowed until the next turn of the loop. */
const struct links *link_news_links(const struct link_news *n);
