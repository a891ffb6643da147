/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/limits.h"
#include "kube/failure.h"
#include "kube/lines.h"
#include "kube/multi.h"
#include "kube/request.h"
#include "loop/loop.h"

enum {
	SECOND = 1000 * 1000,
	HTTP_OK = 200,
	HTTP_UNAUTHORIZED = 401,
	RETRY_AFTER_MAX = 300, /* seconds, of what the server asks for */
};

struct kube {
	sd_event *loop;
	struct multi *multi;
	struct kubeconf *conf;
	struct kube_call *calls;
	struct kube_stats ended; /* without those that still run */
	bool stale_token;        /* the server did not take the last one */
	bool fresh_connection;   /* the last one may be dead */
	bool multiplexes;        /* the last answer came by HTTP/2 */
};

struct kube_call {
	struct kube *kube;
	struct multi_transfer transfer;
	struct request request;
	struct lines lines; /* of a stream */
	char *text;         /* of a document, or of an error */
	size_t len, size;
	sd_event_source *silence_timer;
	uint64_t silence, alive_at; /* loop_clock */
	void (*on_open)(void *ud);
	int (*on_line)(void *ud, const char *line, size_t len, struct err *e);
	void (*done)(void *ud, const struct kube_answer *answer);
	void *ud;
	char curl_error[CURL_ERROR_SIZE];
	struct err err; /* why we ended it ourselves */
	bool cancelled; /* nobody wants to hear of it; libcurl may have it yet */
	struct kube_call *prev, *next;
};

static struct kube_call *call_free(struct kube_call *c)
{
	if (!c)
		return NULL;
	request_done(&c->request);
	sd_event_source_disable_unref(c->silence_timer);
	lines_done(&c->lines);
	free(c->text);
	free(c);
	return NULL;
}

DEFINE_CLEANUP(struct kube_call *, call_free);

static void on_removed(void *ud)
{
	call_free(ud);
}

static void add_traffic(struct kube_stats *stats, const struct kube_call *c)
{
	curl_off_t up = 0, down = 0;

	curl_easy_getinfo(c->request.easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(c->request.easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	stats->bytes_sent += (uint64_t)up;
	stats->bytes_received += (uint64_t)down;
}

static bool is_success(int status)
{
	return status / 100 == HTTP_OK / 100;
}

static void show_life(struct kube_call *c)
{
	c->alive_at = loop_clock();
}

static int give_line(void *ud, const char *line, size_t len, struct err *e)
{
	struct kube_call *c = ud;

	show_life(c);
	if (c->cancelled)
		return err_set(e, ECANCELED, "cancelled");
	return c->on_line(c->ud, line, len, e);
}

static int keep_text(struct kube_call *c, const char *data, size_t len)
{
	if (c->len + len > LIMIT_KUBE_BODY)
		return err_set(
			&c->err, EFBIG, "the answer has more than %d bytes", LIMIT_KUBE_BODY);
	if (c->len + len + 1 > c->size) {
		c->size = 2 * (c->len + len) + 1;
		c->text = xreallocarray(c->text, c->size, 1);
	}
	memcpy(c->text + c->len, data, len);
	c->len += len;
	c->text[c->len] = '\0';
	return 0;
}

/* A line has the time of a silence from its first byte to its last: a drip is no life. */
static int take_lines(struct kube_call *c, const char *data, size_t len)
{
	bool was_between = lines_pending(&c->lines) == 0;
	int r = lines_feed(&c->lines, data, len, give_line, c, &c->err);

	if (was_between && lines_pending(&c->lines) > 0)
		show_life(c);
	return r;
}

/* A document has its time for the whole call; with a stream, it is an error that has to end. */
static int take_text(struct kube_call *c, const char *data, size_t len)
{
	if (!c->on_line)
		show_life(c);
	return keep_text(c, data, len);
}

static size_t on_data(char *data, size_t one, size_t len, void *ud)
{
	struct kube_call *c = ud;
	bool is_stream = c->on_line && is_success(request_status(&c->request));

	(void)one;
	/* Another number than `len` ends the transfer. */
	return (is_stream ? take_lines(c, data, len) : take_text(c, data, len)) < 0 ? 0 : len;
}

/* The empty line ends the headers, also those of a 1xx answer that precedes the real one. */
static size_t on_header(const char *data, size_t one, size_t len, void *ud)
{
	struct kube_call *c = ud;

	(void)one;
	if (len > 2 || data[0] != '\r' || !is_success(request_status(&c->request)))
		return len;
	show_life(c);
	c->kube->multiplexes = request_multiplexes(&c->request);
	if (c->on_open && !c->cancelled)
		c->on_open(c->ud);
	return len;
}

/* The server may name a date, also one that is over. */
static uint64_t read_retry_after(CURL *easy)
{
	curl_off_t wait = 0;

	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
	if (wait < 0)
		return 0;
	return (uint64_t)(wait < RETRY_AFTER_MAX ? wait : RETRY_AFTER_MAX) * SECOND;
}

static void count_end(struct kube_call *c, bool failed)
{
	struct kube *k = c->kube;

	add_traffic(&k->ended, c);
	k->ended.calls++;
	k->ended.failures += failed;
}

/* `why`: it did not come to its own end. libcurl is done with it; `done` may free the client. */
static void end_call(struct kube_call *ended, const struct err *why)
{
	CLEANUP(call_freep) struct kube_call *c = ended;
	struct kube_answer answer = {.status = request_status(&c->request)};
	json_auto_t *body = NULL;
	struct err e = {0};

	answer.retry_after = read_retry_after(c->request.easy);
	if (why)
		e = *why;
	else if (!is_success(answer.status))
		failure_http(&e, answer.status, c->text);
	else if (!c->on_line)
		failure_parse(&body, c->text, c->len, &e);
	answer.error = e.code ? e.msg : NULL;
	answer.body = body;
	c->kube->stale_token |= answer.status == HTTP_UNAUTHORIZED;
	count_end(c, e.code != 0);
	DL_DELETE(c->kube->calls, c);
	c->done(c->ud, &answer);
}

/* The connection, not the server's word, is what failed. */
static void fail_transport(struct kube_call *c, const char *what)
{
	struct err e = {0};

	c->kube->fresh_connection = true;
	failure_transport(&e, c->kube->conf->server, what);
	end_call(c, &e);
}

static void on_ended(void *ud, CURLcode result)
{
	struct kube_call *c = ud;

	if (c->err.code)
		end_call(c, &c->err);
	else if (result != CURLE_OK)
		fail_transport(c, *c->curl_error ? c->curl_error : curl_easy_strerror(result));
	else if (lines_pending(&c->lines) > 0)
		fail_transport(c, "the stream ended within a line");
	else
		end_call(c, NULL);
}

static void on_removed_for_silence(void *ud)
{
	struct kube_call *c = ud;

	fail_transport(c, lines_pending(&c->lines) > 0 ? "a line that takes too long"
						       : "silent for too long");
}

static void on_silence(void *ud)
{
	struct kube_call *c = ud;
	uint64_t quiet = loop_clock() - c->alive_at;

	if (quiet < c->silence) {
		loop_timer_arm(c->silence_timer, c->silence - quiet);
		return;
	}
	c->transfer.removed = on_removed_for_silence;
	multi_remove(c->kube->multi, &c->transfer);
}

static void watch_silence(struct kube_call *c, uint64_t silence)
{
	struct err e = {0};

	c->silence = silence;
	show_life(c);
	if (silence && loop_timer_new(&c->silence_timer, c->kube->loop, on_silence, c, &e) >= 0)
		loop_timer_arm(c->silence_timer, silence);
}

/* A token file that cannot be read leaves the last token; what the server says of it is told. */
static const char *current_token(struct kube *k)
{
	const char *token = NULL;
	struct err e = {0};

	kubeconf_token(&token, k->conf, k->stale_token, loop_clock(), &e);
	k->stale_token = false;
	return token;
}

static void set_callbacks(struct kube_call *c)
{
	CURL *easy = c->request.easy;

	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->curl_error);
	c->transfer = (struct multi_transfer){
		.easy = easy, .done = on_ended, .removed = on_removed, .ud = c};
}

/*
 * Calls wait for a connection to share only where the server is known to have such: with HTTP/1.1
 * libcurl 8.14 may let them wait until it ends, which that of a watch does not.
 */
static enum request_connection choose_connection(const struct kube *k)
{
	if (k->fresh_connection)
		return REQUEST_FRESH;
	return k->multiplexes ? REQUEST_SHARES : REQUEST_OWN;
}

struct kube_call *kube_start(struct kube *k, const struct kube_request *r)
{
	struct kube_call *c = xnew0(struct kube_call);

	c->kube = k;
	c->lines.max = LIMIT_KUBE_OBJECT;
	c->on_open = r->on_open;
	c->on_line = r->on_line;
	c->done = r->done;
	c->ud = r->ud;
	request_init(&c->request, k->conf, r, current_token(k), choose_connection(k));
	k->fresh_connection = false;
	set_callbacks(c);
	watch_silence(c, r->silence);
	DL_APPEND(k->calls, c);
	multi_add(k->multi, &c->transfer);
	return c;
}

struct kube_call *kube_cancel(struct kube_call *c)
{
	if (!c)
		return NULL;
	count_end(c, false);
	c->cancelled = true;
	DL_DELETE(c->kube->calls, c);
	multi_remove(c->kube->multi, &c->transfer);
	return NULL;
}

int kube_new(struct kube **ret, sd_event *loop, struct kubeconf *conf, enum loop_priority priority,
	struct err *e)
{
	CLEANUP(kube_freep) struct kube *k = xnew0(struct kube);
	int r;

	k->conf = conf;
	k->loop = sd_event_ref(loop);
	r = multi_new(&k->multi, loop, priority, e);
	if (r < 0)
		return r;
	*ret = steal(k);
	return 0;
}

struct kube *kube_free(struct kube *k)
{
	if (!k)
		return NULL;
	while (k->calls)
		kube_cancel(k->calls);
	multi_free(k->multi);
	kubeconf_free(k->conf);
	sd_event_unref(k->loop);
	free(k);
	return NULL;
}

const char *kube_namespace(const struct kube *k)
{
	return k->conf->namespace ? k->conf->namespace : "default";
}

struct kube_stats kube_stats(const struct kube *k)
{
	struct kube_stats stats = k->ended;

	for (const struct kube_call *c = k->calls; c; c = c->next) {
		stats.calls++;
		add_traffic(&stats, c);
	}
	return stats;
}

char *kube_escape(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	char *escaped = xcalloc(3 * strlen(text) + 1, 1), *end = escaped;

	for (; *text; text++)
		if (strchr(plain, *text))
			*end++ = *text;
		else
			end += snprintf(end, 4, "%%%02X", (unsigned char)*text);
	return escaped;
}
