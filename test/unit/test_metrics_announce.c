/* SPDX-License-Identifier: Apache-2.0 */
#include "report/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics_text.h"

static char *text_of(const struct snapshot *s)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	metrics_put_announce(out, s);
	fclose(out);
	return text;
}

static void expect(const struct snapshot *s, const char *line)
{
	expect_line(text_of(s), line);
}

static void expect_none(const struct snapshot *s, const char *part)
{
	expect_nowhere(text_of(s), part);
}

static void each_share_is_told_of_on_layer_2(void **state)
{
	json_auto_t *l2 = json_pack("{si s[ii] s[iii] s[{}]}", "shares", 2, "owned", 0, 2,
		"changes", 1, 0, 5, "rivals");
	struct sidecar_state said = {.l2 = l2}, silent = {0};
	struct snapshot s = {.sidecar = &said, .n_sidecars = 1};

	(void)state;
	expect_none(&s, "kago_l2");
	s.on_layer_2 = true;
	expect(&s, "kago_l2_shares 2");
	expect(&s, "kago_l2_rivals 1");
	expect(&s, "kago_l2_share{share=\"0\"} 1");
	expect(&s, "kago_l2_share{share=\"1\"} 0");
	expect(&s, "kago_l2_share{share=\"2\"} 1");
	expect(&s, "kago_l2_share{share=\"15\"} 0");
	expect(&s, "kago_l2_share_changes_total{share=\"2\"} 5");
	expect(&s, "kago_l2_share_changes_total{share=\"15\"} 0");
	/* A sidecar that is not there answers for nothing. */
	s.sidecar = &silent;
	expect(&s, "kago_l2_share{share=\"0\"} 0");
}

static void what_of_the_configuration_is_not_in_use_is_told_by_program(void **state)
{
	struct sidecar_state said = {0};
	struct snapshot s = {.sidecar = &said, .config = {.refused = true}};
	json_auto_t *config = json_pack("{sb sb ss}", "refused", 0, "restartPending", 1,
		"refusedByExabgp", "no such option");

	(void)state;
	expect(&s, "kago_config_refused{program=\"controller\"} 1");
	expect_none(&s, "sidecar");
	s.n_sidecars = 1;
	expect(&s, "kago_config_refused{program=\"sidecar\"} 0");
	expect(&s, "kago_config_refused{program=\"exabgp\"} 0");
	expect(&s, "kago_config_restart_pending{program=\"sidecar\"} 0");
	said.config = config;
	expect(&s, "kago_config_refused{program=\"sidecar\"} 0");
	expect(&s, "kago_config_refused{program=\"exabgp\"} 1");
	expect(&s, "kago_config_restart_pending{program=\"sidecar\"} 1");
	expect(&s, "kago_config_restart_pending{program=\"controller\"} 0");
	s.by_program = true;
	expect_none(&s, "exabgp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_share_is_told_of_on_layer_2),
		cmocka_unit_test(what_of_the_configuration_is_not_in_use_is_told_by_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
