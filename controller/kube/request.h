/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "kube/kube.h"
#include "kube/kubeconf.h"

/* A call as libcurl wants it: where it goes, who we are, and what is sent. */
struct request {
	CURL *easy; /* the rest belongs to it */
	struct curl_slist *headers, *connect_to;
	char *url, *login;
};

enum request_connection {
	REQUEST_OWN,    /* one that is free, else a new one */
	REQUEST_SHARES, /* the one of others, even if that is still being made */
	REQUEST_FRESH,  /* a new one, for those there may be dead */
};

/* `token`: the bearer token, or NULL. */
void request_init(struct request *ret, const struct kubeconf *conf, const struct kube_request *r,
	const char *token, enum request_connection connection);
void request_done(struct request *r);

/* 0 before the answer has begun. */
int request_status(const struct request *r);
/* Whether the answer came on a connection that calls can share: HTTP/2. */
bool request_multiplexes(const struct request *r);
