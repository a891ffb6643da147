/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"

/* stderr goes into a pipe that holds more than any line. */
static struct {
	int saved, in;
	char line[4 * LIMIT_LOG_LINE];
} captured;

static int begin_capture(void **state)
{
	int fds[2];

	(void)state;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	captured.saved = dup(STDERR_FILENO);
	captured.in = fds[0];
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	log_setup(LOG_INFO, LOG_LOGFMT);
	return 0;
}

static int end_capture(void **state)
{
	(void)state;
	dup2(captured.saved, STDERR_FILENO);
	close(captured.saved);
	close(captured.in);
	return 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
	ssize_t n = read(captured.in, captured.line, sizeof captured.line - 1);

	captured.line[n > 0 ? n : 0] = '\0';
	return captured.line;
}

/* The logfmt line that was logged, from its level on. */
static const char *logged_fields(void)
{
	const char *line = logged(), *level = strstr(line, " level=");

	assert_memory_equal(line, "time=20", 7);
	assert_non_null(level);
	return level + 1;
}

static json_t *logged_json(void)
{
	json_error_t why;
	json_t *line = json_loads(logged(), JSON_REJECT_DUPLICATES, &why);

	if (!line)
		fail_msg("%s in %s", why.text, captured.line);
	return line;
}

static void test_logfmt_line(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, EINVAL, "port: 'x' is wrong");
	log_warn("reload.failed", LOG_STR("service", "web/front"), LOG_INT("delta", -3),
		LOG_UINT("bytes", UINT64_MAX), LOG_MSEC("took_ms", 1234567), LOG_ERR(&e));
	assert_string_equal(logged_fields(),
		"level=warn event=reload.failed service=web/front delta=-3 "
		"bytes=18446744073709551615 took_ms=1234.567 error=\"port: 'x' is wrong\"\n");
}

static void test_time_is_utc_with_milliseconds(void **state)
{
	const char *line;

	(void)state;
	log_info("x");
	line = logged();
	/* time=YYYY-MM-DDThh:mm:ss.mmmZ */
	assert_int_equal(strspn(line, "time=0123456789-T:.Z"), 29);
	assert_int_equal(line[15], 'T');
	assert_int_equal(line[24], '.');
	assert_int_equal(line[28], 'Z');
}

static void test_no_fields_and_null_strings(void **state)
{
	(void)state;
	log_info("start");
	assert_string_equal(logged_fields(), "level=info event=start\n");
	log_info("start", LOG_STR("path", NULL), LOG_STR("name", ""));
	assert_string_equal(logged_fields(), "level=info event=start name=\"\"\n");
}

static void test_levels_filter(void **state)
{
	(void)state;
	log_debug("x");
	assert_string_equal(logged(), "");
	log_setup(LOG_ERROR, LOG_LOGFMT);
	log_warn("x");
	assert_string_equal(logged(), "");
	log_error("x");
	assert_string_equal(logged_fields(), "level=error event=x\n");
	log_setup(LOG_DEBUG, LOG_LOGFMT);
	log_debug("x");
	assert_string_equal(logged_fields(), "level=debug event=x\n");
}

static void test_logfmt_quotes_what_would_break_a_line(void **state)
{
	static const char *const cases[][2] = {
		{"plain-1.2:/[]", "plain-1.2:/[]"},
		{"two words", "\"two words\""},
		{"a=b", "\"a=b\""},
		{"say \"hi\"", "\"say \\\"hi\\\"\""},
		{"back\\slash", "\"back\\\\slash\""},
		{"one\ntwo\r\tthree", "\"one\\ntwo\\r\\tthree\""},
		{"\x01\x1b[31m\x7f", "\"\\u0001\\u001b[31m\\u007f\""},
		{"caf\xc3\xa9", "\"caf\xc3\xa9\""},
		{"bad \xff\xc3", "\"bad \xef\xbf\xbd\xef\xbf\xbd\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CLEANUP_FREE char *expected = xasprintf("level=info event=x v=%s\n", cases[i][1]);

		log_info("x", LOG_STR("v", cases[i][0]));
		assert_string_equal(logged_fields(), expected);
	}
}

static void test_json_line(void **state)
{
	json_t *line;

	(void)state;
	log_setup(LOG_INFO, LOG_JSON);
	log_info("reload.done", LOG_STR("service", "web/front"), LOG_INT("delta", -3),
		LOG_UINT("bytes", 7), LOG_MSEC("took_ms", 1005));
	line = logged_json();
	assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
	assert_string_equal(json_string_value(json_object_get(line, "event")), "reload.done");
	assert_string_equal(json_string_value(json_object_get(line, "service")), "web/front");
	assert_int_equal(json_integer_value(json_object_get(line, "delta")), -3);
	assert_int_equal(json_integer_value(json_object_get(line, "bytes")), 7);
	assert_true(json_real_value(json_object_get(line, "took_ms")) == 1.005);
	assert_int_equal(json_string_length(json_object_get(line, "time")), 24);
	assert_int_equal(json_object_size(line), 7);
	json_decref(line);
}

static void test_json_parses_whatever_the_bytes(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"\"\\/\n\r\t\b\f\x01\x1f\x7f", "\"\\/\n\r\t\b\f\x01\x1f\x7f"},
		{"caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80"},
		{"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"cut \xf0\x9f\x98", "cut \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"overlong \xc0\xaf", "overlong \xef\xbf\xbd\xef\xbf\xbd"},
		{"surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"beyond \xf4\x90\x80\x80",
			"beyond \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};

	(void)state;
	log_setup(LOG_INFO, LOG_JSON);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *line;

		log_info("x", LOG_STR("v", cases[i][0]));
		line = logged_json();
		assert_string_equal(json_string_value(json_object_get(line, "v")), cases[i][1]);
		json_decref(line);
	}
}

static char *long_text(size_t len, char fill)
{
	char *text = xcalloc(len + 1, 1);

	memset(text, fill, len);
	return text;
}

static void test_the_longest_line_of_a_child_is_whole(void **state)
{
	CLEANUP_FREE char *text = long_text(LIMIT_LOG_LINE, 'x');
	json_t *line;

	(void)state;
	log_setup(LOG_INFO, LOG_JSON);
	log_info("child.said", LOG_STR("text", text), LOG_UINT("pid", 7));
	line = logged_json();
	assert_string_equal(json_string_value(json_object_get(line, "text")), text);
	assert_int_equal(json_integer_value(json_object_get(line, "pid")), 7);
	json_decref(line);
}

static void test_nothing_of_a_long_line_is_in_the_next(void **state)
{
	CLEANUP_FREE char *text = long_text(LIMIT_LOG_LINE, 'x');

	(void)state;
	log_info("child.said", LOG_STR("text", text));
	logged();
	log_info("start");
	assert_string_equal(logged_fields(), "level=info event=start\n");
}

static void test_an_over_long_value_is_cut_visibly_and_the_line_stays_valid(void **state)
{
	static const char fills[] = {'x', '"', '\x01', '\xff'};

	(void)state;
	log_setup(LOG_INFO, LOG_JSON);
	for (size_t i = 0; i < sizeof fills; i++) {
		CLEANUP_FREE char *text = long_text(10 * LIMIT_LOG_LINE, fills[i]);
		const char *value;
		json_t *line;

		log_info("child.said", LOG_STR("text", text), LOG_STR("text2", text),
			LOG_UINT("pid", 7));
		line = logged_json();
		value = json_string_value(json_object_get(line, "text"));
		assert_non_null(value);
		assert_string_equal(value + strlen(value) - 3, "...");
		assert_int_equal(json_integer_value(json_object_get(line, "pid")), 7);
		json_decref(line);
	}
}

static void test_level_and_format_names(void **state)
{
	enum log_format format = LOG_LOGFMT;
	enum log_level level = LOG_INFO;
	struct err e = {0};

	(void)state;
	assert_int_equal(log_level_parse(&level, "debug", &e), 0);
	assert_int_equal(level, LOG_DEBUG);
	assert_int_equal(log_level_parse(&level, "error", &e), 0);
	assert_int_equal(level, LOG_ERROR);
	assert_int_equal(log_level_parse(&level, "Warn", &e), -EINVAL);
	assert_string_equal(e.msg, "'Warn' is not a log level; use debug, info, warn or error");
	assert_int_equal(log_format_parse(&format, "json", &e), 0);
	assert_int_equal(format, LOG_JSON);
	assert_int_equal(log_format_parse(&format, "logfmt", &e), 0);
	assert_int_equal(format, LOG_LOGFMT);
	assert_int_equal(log_format_parse(&format, "text", &e), -EINVAL);
	assert_string_equal(e.msg, "'text' is not a log format; use logfmt or json");
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, begin_capture, end_capture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURED(test_logfmt_line),
		CAPTURED(test_time_is_utc_with_milliseconds),
		CAPTURED(test_no_fields_and_null_strings),
		CAPTURED(test_levels_filter),
		CAPTURED(test_logfmt_quotes_what_would_break_a_line),
		CAPTURED(test_json_line),
		CAPTURED(test_json_parses_whatever_the_bytes),
		CAPTURED(test_the_longest_line_of_a_child_is_whole),
		CAPTURED(test_nothing_of_a_long_line_is_in_the_next),
		CAPTURED(test_an_over_long_value_is_cut_visibly_and_the_line_stays_valid),
		cmocka_unit_test(test_level_and_format_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
