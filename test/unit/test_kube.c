/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kube/kube.h"
#include "loop/loop.h"

enum { SOCKETS = 8, SECOND = 1000 * 1000, SILENCE = 400 * 1000, DROP = 40 * 1000 };

#define BEGIN "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
#define LINES "{}\n{}\n{}\n"
#define BUSY "HTTP/1.1 503 \r\nContent-Length: 0\r\nRetry-After: "

/*
 * A server that answers /lines with three, is busy for /long and since the /past, and begins to
 * answer all else. What it drips follows bit by bit.
 */
struct world {
	sd_event *loop;
	sd_event_source *accepts, *reads[SOCKETS], *end;
	int listener, sockets[SOCKETS];
	size_t n_sockets;
	struct kube *kube;
	const char *path; /* of the second call; NULL: /lines */
	const char *drip; /* to all that were answered; NULL: nothing */
	sd_event_source *drop;
	uint64_t silence;
	struct kube_call *stream, *other;
	void (*act)(struct world *w); /* with the first line */
	unsigned n_lines, n_done;
	uint64_t calls;       /* as counted at the end */
	uint64_t retry_after; /* of the last answer */
	char error[128];
};

static void answer(int fd, const char *request)
{
	if (strncmp(request, "GET /long ", 10) == 0)
		dprintf(fd, BUSY "99999999999\r\n\r\n");
	else if (strncmp(request, "GET /past ", 10) == 0)
		dprintf(fd, BUSY "Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n");
	else if (strncmp(request, "GET /stream ", 12) == 0)
		dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	else if (strncmp(request, "GET /error ", 11) == 0)
		dprintf(fd, "HTTP/1.1 500 \r\nContent-Length: 100000\r\n\r\n");
	else if (strncmp(request, "GET /head ", 10) == 0)
		dprintf(fd, "HTTP/1.1 200 OK\r\n");
	else
		dprintf(fd, BEGIN "%s", strncmp(request, "GET /lines ", 11) == 0 ? LINES : "");
}

static int on_request(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	char text[4096] = "";

	(void)events;
	(void)ud;
	if (read(fd, text, sizeof text - 1) <= 0)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	else
		answer(fd, text);
	return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *ud)
{
	struct world *w = ud;
	size_t i = w->n_sockets++;

	(void)source;
	(void)events;
	assert_true(i < SOCKETS);
	w->sockets[i] = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(w->sockets[i] >= 0);
	sd_event_add_io(w->loop, &w->reads[i], w->sockets[i], EPOLLIN, on_request, w);
	return 0;
}

static void on_stop(void *ud)
{
	(void)ud;
}

static void on_end(void *ud)
{
	const struct world *w = ud;

	loop_exit(w->loop, 0);
}

static struct kubeconf *listen_somewhere(struct world *w)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct kubeconf *conf = xnew0(struct kubeconf);
	socklen_t len = sizeof addr;

	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(w->listener, SOCKETS), 0);
	assert_int_equal(getsockname(w->listener, (struct sockaddr *)&addr, &len), 0);
	sd_event_add_io(w->loop, &w->accepts, w->listener, EPOLLIN, on_connection, w);
	conf->server = xasprintf("http://127.0.0.1:%u", ntohs(addr.sin_port));
	return conf;
}

static void on_drop(void *ud)
{
	const struct world *w = ud;

	for (size_t i = 0; i < w->n_sockets; i++)
		send(w->sockets[i], w->drip, strlen(w->drip), MSG_NOSIGNAL);
	loop_timer_arm(w->drop, DROP);
}

static int on_line(void *ud, const char *line, size_t len, struct err *e)
{
	struct world *w = ud;

	(void)e;
	assert_memory_equal(line, "{}", len);
	if (w->n_lines++ == 0 && w->act)
		w->act(w);
	return 0;
}

static void on_done(void *ud, const struct kube_answer *answer)
{
	struct world *w = ud;

	w->retry_after = answer->retry_after;
	snprintf(w->error, sizeof w->error, "%s", answer->error ? answer->error : "");
	w->n_done++;
	loop_timer_arm(w->end, 0);
}

static struct kube_call *get(struct world *w, const char *path)
{
	return kube_start(w->kube, &(struct kube_request){.method = "GET",
					   .path = path,
					   .timeout = 30 * SECOND,
					   .silence = w->silence,
					   .on_line = on_line,
					   .done = on_done,
					   .ud = w});
}

/* Runs until a call has ended. */
static void run(struct world *w, void (*act)(struct world *w))
{
	struct kubeconf *conf;
	struct err e = {0};

	w->act = act;
	assert_int_equal(loop_new(&w->loop, on_stop, w, &e), 0);
	conf = listen_somewhere(w);
	assert_int_equal(loop_timer_new(&w->end, w->loop, on_end, w, &e), 0);
	assert_int_equal(kube_new(&w->kube, w->loop, conf, LOOP_ANSWERS, &e), 0);
	assert_int_equal(loop_timer_new(&w->drop, w->loop, on_drop, w, &e), 0);
	if (w->drip)
		loop_timer_arm(w->drop, DROP);
	else
		w->other = get(w, "/silence");
	w->stream = get(w, w->path ? w->path : "/lines");
	loop_timer_arm(w->end, 20 * SECOND);
	assert_int_equal(loop_run(w->loop, &e), 0);
	w->calls = kube_stats(w->kube).calls;
	kube_free(w->kube);
	for (size_t i = 0; i < w->n_sockets; i++) {
		sd_event_source_disable_unref(w->reads[i]);
		close(w->sockets[i]);
	}
	sd_event_source_disable_unref(w->accepts);
	sd_event_source_disable_unref(w->end);
	sd_event_source_disable_unref(w->drop);
	close(w->listener);
	sd_event_unref(w->loop);
}

static void cancel_other(struct world *w)
{
	w->other = kube_cancel(w->other);
}

static void test_a_line_may_cancel_another_call(void **state)
{
	struct world w = {0};

	(void)state;
	run(&w, cancel_other);
	assert_int_equal(w.n_lines, 3);
	assert_int_equal(w.n_done, 1);
	assert_int_equal(w.calls, 2);
}

static void cancel_itself(struct world *w)
{
	w->stream = kube_cancel(w->stream);
	loop_timer_arm(w->end, SECOND / 5); /* in which nothing comes any more */
}

static void test_a_line_may_cancel_its_own_call(void **state)
{
	struct world w = {0};

	(void)state;
	run(&w, cancel_itself);
	assert_int_equal(w.n_lines, 1);
	assert_int_equal(w.n_done, 0);
}

static void cancel_new(struct world *w)
{
	kube_cancel(get(w, "/lines"));
}

static void test_a_line_may_cancel_a_call_that_has_just_begun(void **state)
{
	struct world w = {0};

	(void)state;
	run(&w, cancel_new);
	assert_int_equal(w.n_lines, 3);
	assert_int_equal(w.n_done, 1);
	assert_int_equal(w.calls, 3);
}

static uint64_t wait_of(const char *path)
{
	struct world w = {.path = path};

	run(&w, NULL);
	assert_int_equal(w.n_done, 1);
	return w.retry_after;
}

static void test_a_server_cannot_send_us_away_for_days(void **state)
{
	(void)state;
	assert_int_equal(wait_of("/long"), 300 * (uint64_t)SECOND);
	assert_int_equal(wait_of("/past"), 0);
}

static void assert_given_up(const char *path, const char *drip, const char *why)
{
	struct world w = {.path = path, .drip = drip, .silence = SILENCE};
	uint64_t began = loop_clock();

	run(&w, NULL);
	assert_int_equal(w.n_done, 1);
	assert_non_null(strstr(w.error, why));
	assert_int_equal(w.n_lines, 0);
	assert_true(loop_clock() - began < 10 * (uint64_t)SECOND);
}

static void test_a_drip_is_no_life(void **state)
{
	(void)state;
	assert_given_up("/stream", "{", "a line that takes too long");
	assert_given_up("/stream", "\n", "silent for too long");
	assert_given_up("/error", "{", "silent for too long");
	assert_given_up("/head", "X-Y: z\r\n", "silent for too long");
}

static void end_after_a_while(struct world *w)
{
	loop_timer_arm(w->end, 4 * SILENCE);
}

static void test_lines_are_life(void **state)
{
	struct world w = {.path = "/stream", .drip = "{}\n", .silence = SILENCE};

	(void)state;
	run(&w, end_after_a_while);
	assert_int_equal(w.n_done, 0);
	assert_true(w.n_lines > SILENCE / DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_may_cancel_another_call),
		cmocka_unit_test(test_a_line_may_cancel_its_own_call),
		cmocka_unit_test(test_a_line_may_cancel_a_call_that_has_just_begun),
		cmocka_unit_test(test_a_server_cannot_send_us_away_for_days),
		cmocka_unit_test(test_a_drip_is_no_life),
		cmocka_unit_test(test_lines_are_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
