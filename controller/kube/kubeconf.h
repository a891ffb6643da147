/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Where the API server is and how to speak to it: from the service account of the pod we run in, or
 * from a kubeconfig file. Strings are NULL where there is nothing to say.
 */
struct kubeconf {
	char *server;    /* "https://10.0.0.1:443", without a slash at the end */
	char *tls_name;  /* the name to expect in the server's certificate, if not that of `server`
			  */
	char *proxy_url; /* "http://...", "https://..." or "socks5h://..." */
	/* CA bundle; NULL: the system's. Inline data of a kubeconfig is in a file of memory, of
	 * which this is the path (/proc/self/fd/N). */
	char *ca_file;
	char *cert_file, *key_file; /* client certificate, the same way */
	char *token;                /* bearer token; the last one read, if there is a file */
	char *token_file;           /* the file to read it from, again and again */
	uint64_t token_until;       /* when the file is read again; for kubeconf_token() */
	char *user, *password;      /* basic authentication */
	char *namespace;            /* of the service account or the context; "default" else */
	bool insecure;              /* insecure-skip-tls-verify: whoever uses this warns */
	int *fds;                   /* the files of memory; owned */
	size_t n_fds;
};

/*
 * In a pod: KUBERNETES_SERVICE_HOST and _PORT, and token, ca.crt and namespace below `account_dir`
 * ("/var/run/secrets/kubernetes.io/serviceaccount"). Errors: -ENOENT when this is no pod.
 */
int kubeconf_in_cluster(struct kubeconf **ret, const char *account_dir, struct err *e);

/*
 * A kubeconfig file (kind Config, v1), and of it the context `context`, or if that is "" the
 * current one. Relative paths are below the file's folder; the files that it names are read once,
 * to see that they can be. Errors: -EINVAL with "PATH: WHERE: what is wrong and what would be
 * right", or those of reading PATH; exec plugins, auth providers and impersonation are refused by
 * name. No message quotes a secret.
 */
int kubeconf_load(struct kubeconf **ret, const char *path, const char *context, struct err *e);

/* What a program uses: the kubeconfig file, or if `path` is "" the service account of our pod. */
int kubeconf_find(struct kubeconf **ret, const char *path, const char *context, struct err *e);

/*
 * The token to send now: the content of token_file if there is one, which is read again when a
 * minute has passed or `fresh` is asked for, else `token`; NULL when there is none. Borrowed until
 * the next call. A file that cannot be read any more leaves the last token: *ret is set, and the
 * error is given back, too. `now`: CLOCK_MONOTONIC usec.
 */
int kubeconf_token(const char **ret, struct kubeconf *c, bool fresh, uint64_t now, struct err *e);

struct kubeconf *kubeconf_free(struct kubeconf *c);
DEFINE_CLEANUP(struct kubeconf *, kubeconf_free);
