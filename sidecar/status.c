/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <string.h>

#include "base/log.h"
#include "control/control.h"
#include "loop/scribes.h"

struct status {
	struct control_server *server;
	struct scribes *scribes;
	void (*write)(void *ud, FILE *out);
	void *ud;
};

static void write_line(const void *arg, FILE *out)
{
	const struct status *s = arg;

	s->write(s->ud, out);
	fputc('\n', out);
}

static void answer(struct status *s, struct control_conn *c)
{
	CLEANUP_CLOSE int fd = control_take_fd(c);
	struct err e = {0};

	if (scribes_start(s->scribes, fd, write_line, s, NULL, NULL, &e) < 0)
		log_warn("status.unanswered", LOG_ERR(&e));
}

static void on_message(struct control_conn *c, json_t *msg, void *ud)
{
	const char *type = json_string_value(json_object_get(msg, "type"));

	if (type && strcmp(type, "status") == 0)
		answer(ud, c);
	else
		control_close(c);
}

static void on_close(struct control_conn *c, const char *why, void *ud)
{
	(void)c;
	(void)why;
	(void)ud;
}

struct status *status_open(
	sd_event *loop, const char *socket, void (*write)(void *ud, FILE *out), void *ud)
{
	static const struct control_ops ops = {.on_message = on_message, .on_close = on_close};
	CLEANUP(status_closep) struct status *s = xnew0(struct status);
	CLEANUP_FREE char *name = xasprintf("%s" STATUS_SUFFIX, socket);
	struct err e = {0};

	s->write = write;
	s->ud = ud;
	s->scribes = scribes_new(loop);
	if (control_listen(&s->server, loop, name, &ops, s, &e) == 0)
		return steal(s);
	log_warn("status.off", LOG_ERR(&e),
		LOG_STR("effect", "kago-sidecar status does not work; all else does"));
	return NULL;
}

struct status *status_close(struct status *s)
{
	if (!s)
		return NULL;
	control_server_free(s->server);
	scribes_free(s->scribes);
	free(s);
	return NULL;
}
