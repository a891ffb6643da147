/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kube/kubeconf.h"

/*
 * Checks of single values, for both sources of a kubeconf. Errors are -EINVAL, or those of reading
 * a file, and say what would be right; none quotes what may be secret.
 */

/* "http" or "https" with a host, and perhaps a port and a path; without a slash at the end. */
int kubeconf_server(char **ret, const char *text, struct err *e);
int kubeconf_proxy(char **ret, const char *text, struct err *e);

/* A token as it may stand in a header: without the white space around it. */
int kubeconf_parse_token(char **ret, const char *text, struct err *e);
int kubeconf_read_token(char **ret, const char *path, struct err *e);

/* One or more PEM blocks. */
int kubeconf_check_pem(const char *text, struct err *e);
int kubeconf_check_pem_file(const char *path, struct err *e);

/* A DNS label. */
int kubeconf_check_namespace(const char *text, struct err *e);
