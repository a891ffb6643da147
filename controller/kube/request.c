/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/request.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

enum {
	CONNECT_TIMEOUT_MS = 10 * 1000,
	DEAD_AFTER_MS = 20 * 1000, /* what was sent and is not acknowledged so long: no peer */
	KEEPALIVE = 15,            /* seconds without a byte before TCP asks */
};

static int on_new_socket(void *ud, curl_socket_t fd, curlsocktype purpose)
{
	unsigned dead_after = DEAD_AFTER_MS;

	(void)ud;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_after, sizeof dead_after);
	return CURL_SOCKOPT_OK;
}

static void add_to_list(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	if (!longer)
		mem_exhausted();
	*list = longer;
}

static void add_header(struct request *q, const char *name, const char *value)
{
	CLEANUP_FREE char *header = xasprintf("%s: %s", name, value);

	add_to_list(&q->headers, header);
}

/*
 * curl checks the certificate against the host of the URL: that becomes the name to expect, and the
 * connection goes to the server's own host all the same.
 */
static void set_tls_name(struct request *q, const char *name)
{
	CLEANUP_FREE char *target = NULL;
	char *host = NULL, *port = NULL, *url = NULL;
	CURLU *parts = curl_url();

	if (parts && curl_url_set(parts, CURLUPART_URL, q->url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		curl_url_set(parts, CURLUPART_HOST, name, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_URL, &url, 0) == CURLUE_OK) {
		target = xasprintf("::%s:%s", host, port);
		add_to_list(&q->connect_to, target);
		curl_easy_setopt(q->easy, CURLOPT_CONNECT_TO, q->connect_to);
		curl_easy_setopt(q->easy, CURLOPT_URL, url);
	}
	curl_free(host);
	curl_free(port);
	curl_free(url);
	curl_url_cleanup(parts);
}

static void set_server(struct request *q, const struct kubeconf *conf, const char *path)
{
	CURL *easy = q->easy;

	q->url = xasprintf("%s%s", conf->server, path);
	curl_easy_setopt(easy, CURLOPT_URL, q->url);
	if (conf->tls_name)
		set_tls_name(q, conf->tls_name);
	if (conf->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca_file);
		/* Or those that the system trusts would do as well. */
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (conf->proxy_url)
		curl_easy_setopt(easy, CURLOPT_PROXY, conf->proxy_url);
	if (conf->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void set_identity(struct request *q, const struct kubeconf *conf, const char *token)
{
	if (token) {
		CLEANUP_FREE char *bearer = xasprintf("Bearer %s", token);

		add_header(q, "Authorization", bearer);
	} else if (conf->user) {
		q->login = xasprintf("%s:%s", conf->user, conf->password ? conf->password : "");
		curl_easy_setopt(q->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(q->easy, CURLOPT_USERPWD, q->login);
	}
	if (conf->cert_file)
		curl_easy_setopt(q->easy, CURLOPT_SSLCERT, conf->cert_file);
	if (conf->key_file)
		curl_easy_setopt(q->easy, CURLOPT_SSLKEY, conf->key_file);
}

static void set_connection(CURL *easy, uint64_t timeout, enum request_connection connection)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)(connection == REQUEST_SHARES));
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)(connection == REQUEST_FRESH));
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "kago-controller/" KAGO_VERSION);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(timeout / 1000));
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_new_socket);
}

static void set_body(struct request *q, const struct kube_request *r)
{
	CLEANUP_FREE char *text = NULL;

	curl_easy_setopt(q->easy, CURLOPT_CUSTOMREQUEST, r->method);
	add_header(q, "Accept", "application/json");
	if (!r->body)
		return;
	text = json_dumps(r->body, JSON_COMPACT);
	if (!text)
		mem_exhausted();
	curl_easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
	curl_easy_setopt(q->easy, CURLOPT_COPYPOSTFIELDS, text);
	add_header(q, "Content-Type", r->type ? r->type : "application/json");
	add_to_list(&q->headers, "Expect:"); /* no round trip to ask whether the body may come */
}

void request_init(struct request *ret, const struct kubeconf *conf, const struct kube_request *r,
	const char *token, enum request_connection connection)
{
	*ret = (struct request){.easy = curl_easy_init()};
	if (!ret->easy)
		mem_exhausted();
	set_server(ret, conf, r->path);
	set_connection(ret->easy, r->timeout, connection);
	set_identity(ret, conf, token);
	set_body(ret, r);
	curl_easy_setopt(ret->easy, CURLOPT_HTTPHEADER, ret->headers);
}

void request_done(struct request *r)
{
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	curl_slist_free_all(r->connect_to);
	free(r->url);
	free(r->login);
	*r = (struct request){0};
}

int request_status(const struct request *r)
{
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

bool request_multiplexes(const struct request *r)
{
	long version = 0;

	curl_easy_getinfo(r->easy, CURLINFO_HTTP_VERSION, &version);
	return version >= CURL_HTTP_VERSION_2_0;
}
