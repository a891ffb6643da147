/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconf.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/str.h"
#include "kube/kubeconf_parts.h"

#define ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

enum { TOKEN_AGE = 60 * 1000 * 1000, LABEL_MAX = 63 };

static void cleanup_url(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void cleanup_text(char **text)
{
	curl_free(*text);
}

static bool has_part(CURLU *u, CURLUPart part)
{
	CLEANUP(cleanup_text) char *text = NULL;

	return curl_url_get(u, part, &text, 0) == CURLUE_OK && *text;
}

static bool has_scheme(CURLU *u, const char *scheme)
{
	CLEANUP(cleanup_text) char *text = NULL;

	return curl_url_get(u, CURLUPART_SCHEME, &text, 0) == CURLUE_OK &&
	       strcmp(text, scheme) == 0;
}

/* As curl prints it, without the slash at the end. */
static int format_url(char **ret, CURLU *u)
{
	CLEANUP(cleanup_text) char *text = NULL;
	size_t len;

	if (curl_url_get(u, CURLUPART_URL, &text, 0) != CURLUE_OK)
		return -EINVAL;
	len = strlen(text);
	while (len > 0 && text[len - 1] == '/')
		len--;
	*ret = xasprintf("%.*s", (int)len, text);
	return 0;
}

int kubeconf_server(char **ret, const char *text, struct err *e)
{
	CLEANUP(cleanup_url) CURLU *u = curl_url();

	if (curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		(has_scheme(u, "https") || has_scheme(u, "http")) && has_part(u, CURLUPART_HOST) &&
		!has_part(u, CURLUPART_USER) && !has_part(u, CURLUPART_PASSWORD) &&
		!has_part(u, CURLUPART_QUERY) && !has_part(u, CURLUPART_FRAGMENT) &&
		format_url(ret, u) == 0)
		return 0;
	return err_set(e, EINVAL, "must be a URL such as https://10.0.0.1:6443");
}

int kubeconf_proxy(char **ret, const char *text, struct err *e)
{
	CLEANUP(cleanup_url) CURLU *u = curl_url();

	if (curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
		/* As in Go, the proxy finds the server's address, not we. */
		if (has_scheme(u, "socks5"))
			curl_url_set(u, CURLUPART_SCHEME, "socks5h", CURLU_NON_SUPPORT_SCHEME);
		if ((has_scheme(u, "http") || has_scheme(u, "https") || has_scheme(u, "socks5h")) &&
			has_part(u, CURLUPART_HOST) && format_url(ret, u) == 0)
			return 0;
	}
	return err_set(e, EINVAL,
		"must be a URL of a proxy: http://HOST:PORT, https://HOST:PORT or "
		"socks5://HOST:PORT");
}

int kubeconf_parse_token(char **ret, const char *text, struct err *e)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (len == 0)
		return err_set(e, EINVAL, "the token is empty");
	if (len > LIMIT_TOKEN_BYTES)
		return err_set(
			e, EINVAL, "the token has more than %d bytes", (int)LIMIT_TOKEN_BYTES);
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)text[i]))
			return err_set(e, EINVAL,
				"the token must be one word of printable ASCII; byte %zu is not",
				i + 1);
	*ret = xasprintf("%.*s", (int)len, text);
	return 0;
}

int kubeconf_read_token(char **ret, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, path, LIMIT_TOKEN_BYTES + 2, e);

	if (r < 0)
		return r;
	if (strlen(text) != len)
		return err_set(e, EINVAL, "reading %s: the token has a NUL character", path);
	r = kubeconf_parse_token(ret, text, e);
	return r < 0 ? err_wrap(e, "reading %s", path) : 0;
}

int kubeconf_check_pem(const char *text, struct err *e)
{
	if (!strstr(text, "-----BEGIN "))
		return err_set(e, EINVAL, "must be PEM (\"-----BEGIN ...\")");
	return 0;
}

int kubeconf_check_pem_file(const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, path, LIMIT_PEM_BYTES, e);

	if (r < 0)
		return r;
	r = kubeconf_check_pem(text, e);
	return r < 0 ? err_wrap(e, "reading %s", path) : 0;
}

int kubeconf_check_namespace(const char *text, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strlen(text);
	char quoted[STR_QUOTED_SIZE];

	if (len == 0 || len > LABEL_MAX || strspn(text, allowed) != len || text[0] == '-' ||
		text[len - 1] == '-')
		return err_set(e, EINVAL,
			"%s is no namespace, which is of at most 63 characters of a-z, 0-9 and -",
			str_quote(quoted, text));
	return 0;
}

/* Kubernetes sets the two in every pod. */
static int server_from_environment(char **ret, struct err *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	CLEANUP_FREE char *url = NULL;
	uint64_t number;
	int r;

	if (!host || !*host || !port || !*port)
		return err_set(e, ENOENT,
			"this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are "
			"not set");
	r = str_to_u64(&number, port, 1, 65535, e);
	if (r < 0)
		return err_wrap(e, "KUBERNETES_SERVICE_PORT");
	url = xasprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
	if (kubeconf_server(ret, url, e) < 0) {
		char quoted[STR_QUOTED_SIZE];

		return err_set(e, EINVAL, "KUBERNETES_SERVICE_HOST: %s is no address",
			str_quote(quoted, host));
	}
	return 0;
}

static int read_namespace(char **ret, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, path, LIMIT_NAME, e);

	if (r == -ENOENT) {
		*ret = xstrdup("default");
		return 0;
	}
	if (r < 0)
		return r;
	text[strcspn(text, " \t\r\n")] = '\0';
	r = kubeconf_check_namespace(text, e);
	if (r < 0)
		return err_wrap(e, "reading %s", path);
	*ret = steal(text);
	return 0;
}

int kubeconf_in_cluster(struct kubeconf **ret, const char *account_dir, struct err *e)
{
	CLEANUP(kubeconf_freep) struct kubeconf *c = xnew0(struct kubeconf);
	CLEANUP_FREE char *namespace_file = xasprintf("%s/namespace", account_dir);
	int r = server_from_environment(&c->server, e);

	if (r < 0)
		return r;
	c->token_file = xasprintf("%s/token", account_dir);
	c->ca_file = xasprintf("%s/ca.crt", account_dir);
	r = kubeconf_read_token(&c->token, c->token_file, e);
	if (r == 0)
		r = kubeconf_check_pem_file(c->ca_file, e);
	if (r == 0)
		r = read_namespace(&c->namespace, namespace_file, e);
	if (r < 0)
		return err_wrap(e, "service account");
	*ret = steal(c);
	return 0;
}

int kubeconf_find(struct kubeconf **ret, const char *path, const char *context, struct err *e)
{
	int r;

	if (*path)
		return kubeconf_load(ret, path, context, e);
	r = kubeconf_in_cluster(ret, ACCOUNT_DIR, e);
	return r < 0 ? err_wrap(e, "no --kubeconfig, and no service account of a pod") : 0;
}

int kubeconf_token(const char **ret, struct kubeconf *c, bool fresh, uint64_t now, struct err *e)
{
	char *read = NULL;
	int r = 0;

	if (c->token_file && (fresh || now >= c->token_until)) {
		r = kubeconf_read_token(&read, c->token_file, e);
		if (r == 0) {
			free(c->token);
			c->token = read;
			c->token_until = now + TOKEN_AGE;
		}
	}
	*ret = c->token;
	return r;
}

struct kubeconf *kubeconf_free(struct kubeconf *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	free(c->fds);
	free(c->server);
	free(c->tls_name);
	free(c->proxy_url);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c->token);
	free(c->token_file);
	free(c->user);
	free(c->password);
	free(c->namespace);
	free(c);
	return NULL;
}
