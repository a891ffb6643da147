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

/*
 * `token`: the bearer token, or NULL. `fresh`: on a new connection, for those there may be dead.
 */
void request_init(struct request *ret, const struct kubeconf *conf, const struct kube_request *r,
	const char *token, bool fresh);
void request_done(struct request *r);

/* 0 before the answer has begun. */
int request_status(const struct request *r);
