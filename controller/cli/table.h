/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/* What the commands print on stdout, most of it of the running controller's answers for people. */

/* A member that is text or a whole number; "" or 0 when there is none. */
const char *table_str(const json_t *object, const char *key);
json_int_t table_num(const json_t *object, const char *key);

/* A virtual server with its real servers. */
void table_server(const json_t *server);

/* Whether the API server is followed, and who leads; nothing for NULL. */
void table_cluster(const json_t *cluster);

/* Whether the tables of other load balancers are ours; nothing for NULL. */
void table_alike(const json_t *tables);

/* All of it, for programs: a text of compact JSON, without reading it, or what was read. */
void table_text(const char *json);
void table_json(const json_t *answer);
