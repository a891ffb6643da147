/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/mman.h>

#include "base/base64.h"
#include "base/fsutil.h"
#include "base/limits.h"
#include "base/str.h"
#include "doc/jsonx.h"
#include "doc/yaml.h"
#include "kube/kubeconf.h"
#include "kube/kubeconf_parts.h"

/*
 * The format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. What wins over what
 * is as in client-go: inline data over files, tokenFile over token. "" means absent, as in Go.
 */

struct loader {
	struct kubeconf *conf;
	const char *folder;  /* of the file */
	const json_t *root;  /* the document */
	const json_t *entry; /* the item of a list that is being read */
	struct err *e;
};

/* One of the three lists: items {"name": NAME, MEMBER: {...}}. */
struct list {
	const char *name, *member;
};

static const struct list contexts = {"contexts", "context"};
static const struct list clusters = {"clusters", "cluster"};
static const struct list users = {"users", "user"};

static int read_document(json_t **ret, const char *path, struct err *e)
{
	json_auto_t *documents = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = fs_read(&text, &len, path, LIMIT_KUBECONFIG_BYTES, e);

	if (r < 0)
		return r;
	if (yaml_parse(&documents, text, len, e) < 0)
		return err_wrap(e, "%s", path);
	if (json_array_size(documents) != 1 || !json_is_object(json_array_get(documents, 0)))
		return err_set(e, EINVAL, "%s: must be one object of kind Config", path);
	*ret = json_incref(json_array_get(documents, 0));
	return 0;
}

/* A string, or NULL if it is absent or "". */
static int get(const char **ret, const struct loader *l, const char *key)
{
	const char *text = NULL;
	int r = jsonx_str(&text, l->entry, key, l->e);

	if (r == 0)
		*ret = text && *text ? text : NULL;
	return r;
}

static int check_is(const json_t *root, const char *key, const char *value, struct err *e)
{
	const char *text = value;
	char quoted[STR_QUOTED_SIZE];
	int r = jsonx_str(&text, root, key, e);

	if (r == 0 && strcmp(text, value) != 0)
		return err_set(
			e, EINVAL, "%s: must be %s, not %s", key, value, str_quote(quoted, text));
	return r;
}

/* What could have been meant. */
static char *names_of(const json_t *items)
{
	char *names = xstrdup("");
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item) {
		CLEANUP_FREE char *before = names;
		char quoted[STR_QUOTED_SIZE];

		names = xasprintf("%s%s%s", before, i ? ", " : "",
			str_quote(quoted, json_string_value(json_object_get(item, "name"))));
	}
	return names;
}

static int not_found(const struct list *list, const json_t *items, const char *name, struct err *e)
{
	CLEANUP_FREE char *names = names_of(items);
	char quoted[STR_QUOTED_SIZE];

	return err_set(e, EINVAL, "%s: none is named %s%s%s", list->name, str_quote(quoted, name),
		*names ? "; there are " : "", names);
}

/* Makes the item of that name the current entry. */
static int find_entry(struct loader *l, const struct list *list, const char *name)
{
	json_t *items = NULL, *item;
	char quoted[STR_QUOTED_SIZE];
	int r = jsonx_array(&items, l->root, list->name, l->e);
	size_t i;

	l->entry = NULL;
	if (r < 0)
		return r;
	json_array_foreach(items, i, item) {
		const char *item_name;

		if (jsonx_need_str(&item_name, item, "name", l->e) < 0)
			return err_wrap(l->e, "%s[%zu]", list->name, i);
		if (strcmp(item_name, name) != 0)
			continue;
		if (l->entry)
			return err_set(l->e, EINVAL, "%s: two are named %s", list->name,
				str_quote(quoted, name));
		l->entry = item;
	}
	return l->entry ? 0 : not_found(list, items, name, l->e);
}

/* Paths are relative to the kubeconfig's folder. */
static char *absolute(const struct loader *l, const char *path)
{
	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", l->folder, path);
}

/* A file of memory, for libraries that take a path. */
static int keep_in_memory(char **ret, struct kubeconf *c, const char *bytes, size_t len)
{
	CLEANUP_CLOSE int fd = memfd_create("kubeconfig", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	*ret = xasprintf("/proc/self/fd/%d", fd);
	c->fds = xreallocarray(c->fds, c->n_fds + 1, sizeof *c->fds);
	c->fds[c->n_fds++] = steal_fd(&fd);
	return 0;
}

static int load_data(char **ret, struct loader *l, const char *base64)
{
	CLEANUP_FREE char *bytes = NULL;
	size_t len;
	int r = base64_decode(&bytes, &len, base64, l->e);

	if (r < 0)
		return r;
	r = kubeconf_check_pem(bytes, l->e);
	if (r < 0)
		return r;
	if (len > LIMIT_PEM_BYTES)
		return err_set(l->e, EINVAL, "larger than %d bytes of PEM", (int)LIMIT_PEM_BYTES);
	r = keep_in_memory(ret, l->conf, bytes, len);
	return r < 0 ? err_errno(l->e, -r, "keeping it in memory") : 0;
}

/* The path of what is in the file `key` or, which wins, inline in `key`-data. */
static int load_pem(char **ret, struct loader *l, const char *key)
{
	CLEANUP_FREE char *data_key = xasprintf("%s-data", key), *path = NULL;
	const char *file = NULL, *data = NULL;
	int r = get(&data, l, data_key);

	if (r == 0)
		r = get(&file, l, key);
	if (r < 0)
		return r;
	if (data) {
		r = load_data(&path, l, data);
	} else if (file) {
		path = absolute(l, file);
		r = kubeconf_check_pem_file(path, l->e);
	}
	if (r < 0)
		return err_wrap(l->e, "%s", data ? data_key : key);
	*ret = steal(path);
	return 0;
}

static int load_tls_name(struct loader *l)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:";
	const char *text = NULL;
	int r = get(&text, l, "cluster.tls-server-name");

	if (r < 0 || !text)
		return r;
	if (strlen(text) > LIMIT_NAME || strspn(text, allowed) != strlen(text)) {
		char quoted[STR_QUOTED_SIZE];

		return err_set(l->e, EINVAL,
			"cluster.tls-server-name: %s is no host name or address",
			str_quote(quoted, text));
	}
	l->conf->tls_name = xstrdup(text);
	return 0;
}

static int load_proxy(struct loader *l)
{
	const char *text = NULL;
	int r = get(&text, l, "cluster.proxy-url");

	if (r < 0 || !text)
		return r;
	r = kubeconf_proxy(&l->conf->proxy_url, text, l->e);
	return r < 0 ? err_wrap(l->e, "cluster.proxy-url") : 0;
}

static int load_cluster(struct loader *l)
{
	struct kubeconf *c = l->conf;
	const char *server;
	int r = jsonx_need_str(&server, l->entry, "cluster.server", l->e);

	if (r < 0)
		return r;
	if (kubeconf_server(&c->server, server, l->e) < 0)
		return err_wrap(l->e, "cluster.server");
	r = jsonx_bool(&c->insecure, l->entry, "cluster.insecure-skip-tls-verify", l->e);
	if (r == 0)
		r = load_pem(&c->ca_file, l, "cluster.certificate-authority");
	if (r == 0)
		r = load_tls_name(l);
	if (r == 0)
		r = load_proxy(l);
	if (r == 0 && c->insecure && c->ca_file)
		return err_set(l->e, EINVAL,
			"cluster.insecure-skip-tls-verify and a certificate authority exclude each "
			"other: remove one");
	return r;
}

/* Without these we would be someone else than the file says, or nobody. */
static int refuse_unsupported(const struct loader *l)
{
	static const struct {
		const char *key, *what;
	} unsupported[] = {
		{"exec", "exec plugins are"},
		{"auth-provider", "auth providers are"},
		{"as", "impersonation is"},
		{"as-uid", "impersonation is"},
		{"as-groups", "impersonation is"},
		{"as-user-extra", "impersonation is"},
	};
	const json_t *user = json_object_get(l->entry, "user");

	for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++) {
		const json_t *value = json_object_get(user, unsupported[i].key);

		if (value && !json_is_null(value))
			return err_set(l->e, EINVAL,
				"user.%s: %s not supported; use a token, a tokenFile or a client "
				"certificate",
				unsupported[i].key, unsupported[i].what);
	}
	return 0;
}

static int load_token(struct loader *l)
{
	struct kubeconf *c = l->conf;
	const char *text = NULL, *file = NULL;
	int r = get(&text, l, "user.token");

	if (r == 0)
		r = get(&file, l, "user.tokenFile");
	if (r < 0)
		return r;
	if (file) {
		c->token_file = absolute(l, file);
		r = kubeconf_read_token(&c->token, c->token_file, l->e);
		return r < 0 ? err_wrap(l->e, "user.tokenFile") : 0;
	}
	r = text ? kubeconf_parse_token(&c->token, text, l->e) : 0;
	return r < 0 ? err_wrap(l->e, "user.token") : 0;
}

static int load_password(struct loader *l)
{
	struct kubeconf *c = l->conf;
	const char *user = NULL, *password = NULL;
	int r = get(&user, l, "user.username");

	if (r == 0)
		r = get(&password, l, "user.password");
	if (r < 0)
		return r;
	if (user && c->token)
		return err_set(l->e, EINVAL,
			"user: a token and a username exclude each other: remove one");
	if (!user && password)
		return err_set(l->e, EINVAL, "user.password: needs user.username");
	if (user) {
		c->user = xstrdup(user);
		c->password = xstrdup(password ? password : "");
	}
	return 0;
}

static int load_user(struct loader *l)
{
	struct kubeconf *c = l->conf;
	json_t *user = NULL;
	int r = jsonx_object(&user, l->entry, "user", l->e);

	if (r == 0)
		r = refuse_unsupported(l);
	if (r == 0)
		r = load_pem(&c->cert_file, l, "user.client-certificate");
	if (r == 0)
		r = load_pem(&c->key_file, l, "user.client-key");
	if (r == 0)
		r = load_token(l);
	if (r == 0)
		r = load_password(l);
	if (r == 0 && !c->cert_file != !c->key_file)
		return err_set(l->e, EINVAL, "user.%s: needs a %s, too",
			c->cert_file ? "client-certificate" : "client-key",
			c->cert_file ? "client-key" : "client-certificate");
	return r;
}

/* Reads the entry of that name, and says in errors which it was. */
static int load_entry(
	struct loader *l, const struct list *list, const char *name, int (*load)(struct loader *l))
{
	char quoted[STR_QUOTED_SIZE];
	int r = find_entry(l, list, name);

	if (r < 0)
		return r;
	r = load(l);
	return r < 0 ? err_wrap(l->e, "%s %s", list->member, str_quote(quoted, name)) : 0;
}

static int load_namespace(struct loader *l)
{
	const char *text = NULL;
	int r = get(&text, l, "context.namespace");

	if (r < 0)
		return r;
	if (text && kubeconf_check_namespace(text, l->e) < 0)
		return err_wrap(l->e, "context.namespace");
	l->conf->namespace = xstrdup(text ? text : "default");
	return 0;
}

/* A context without a user is fine: it speaks as nobody. */
static int load_context(struct loader *l, const char *name)
{
	const char *cluster = NULL, *user = NULL;
	int r = load_entry(l, &contexts, name, load_namespace);

	if (r < 0)
		return r;
	r = jsonx_need_str(&cluster, l->entry, "context.cluster", l->e);
	if (r == 0)
		r = get(&user, l, "context.user");
	if (r < 0) {
		char quoted[STR_QUOTED_SIZE];

		return err_wrap(l->e, "context %s", str_quote(quoted, name));
	}
	r = load_entry(l, &clusters, cluster, load_cluster);
	if (r == 0 && user)
		r = load_entry(l, &users, user, load_user);
	return r;
}

static int load_document(struct loader *l, const char *context)
{
	const char *name = context;
	int r = check_is(l->root, "kind", "Config", l->e);

	if (r == 0)
		r = check_is(l->root, "apiVersion", "v1", l->e);
	if (r == 0 && !*name)
		r = jsonx_str(&name, l->root, "current-context", l->e);
	if (r < 0)
		return r;
	if (!*name)
		return err_set(l->e, EINVAL,
			"current-context: missing; set it, or name the context to use");
	return load_context(l, name);
}

int kubeconf_load(struct kubeconf **ret, const char *path, const char *context, struct err *e)
{
	CLEANUP(kubeconf_freep) struct kubeconf *c = xnew0(struct kubeconf);
	CLEANUP_FREE char *copy = xstrdup(path);
	struct loader l = {.conf = c, .folder = dirname(copy), .e = e};
	json_auto_t *root = NULL;
	int r = read_document(&root, path, e);

	if (r < 0)
		return r;
	l.root = root;
	if (load_document(&l, context) < 0) {
		err_wrap(e, "%s", path);
		e->code = EINVAL;
		return -EINVAL;
	}
	*ret = steal(c);
	return 0;
}
