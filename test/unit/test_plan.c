/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

enum { N = 4 };

/* Virtual servers 10.1.1.1 to 10.1.1.4 with one real server each; every second one uses sh. */
static struct plan *make_plan(void)
{
	struct fleet *f = xnew0(struct fleet);

	f->n_servers = N;
	f->servers = xcalloc(N, sizeof *f->servers);
	for (unsigned i = 0; i < N; i++) {
		const uint8_t vip[] = {10, 1, 1, (uint8_t)(i + 1)}, real[] = {10, 0, 0, 1};

		f->servers[i] = (struct virtual_server){.vip = ipaddr_from_bytes(AF_INET, vip),
			.port = 80,
			.protocol = IPPROTO_TCP,
			.scheduler = i % 2 ? SCHEDULER_SH : SCHEDULER_RR,
			.reals = xcalloc(1, sizeof *f->servers[i].reals),
			.n_reals = 1};
		f->servers[i].reals[0] = (struct real_server){
			.addr = ipaddr_from_bytes(AF_INET, real), .port = 80, .weight = 1};
	}
	return plan_new(f, 7);
}

static void set_text(struct plan *p, size_t i, const char *text)
{
	p->texts[i] = (struct conf_text){.text = xstrdup(text), .len = 1};
}

static void test_untested_shapes_have_one_example_each(void **state)
{
	struct shapes *shapes = shapes_new();
	struct plan *p = make_plan();
	const struct virtual_server *examples[N];

	(void)state;
	assert_int_equal(plan_untested(p, shapes, examples, N), 2);
	assert_ptr_equal(examples[0], &p->fleet->servers[0]);
	assert_ptr_equal(examples[1], &p->fleet->servers[1]);
	assert_int_equal(plan_untested(p, shapes, examples, 1), 1);
	shapes_record(shapes, examples[0], SHAPE_ACCEPTED, NULL);
	assert_int_equal(plan_untested(p, shapes, examples, N), 1);
	assert_ptr_equal(examples[0], &p->fleet->servers[1]);
	plan_free(p);
	shapes_free(shapes);
}

static void test_a_refused_shape_is_left_out_with_the_reason(void **state)
{
	struct shapes *shapes = shapes_new();
	struct plan *p = make_plan();

	(void)state;
	shapes_record(shapes, &p->fleet->servers[1], SHAPE_REFUSED, "no such thing");
	plan_select(p, shapes);
	assert_int_equal(p->n_servers, 2);
	assert_ptr_equal(p->servers[0], &p->fleet->servers[0]);
	assert_ptr_equal(p->servers[1], &p->fleet->servers[2]);
	assert_string_equal(shapes_complaint(shapes, &p->fleet->servers[3]), "no such thing");
	assert_null(shapes_complaint(shapes, &p->fleet->servers[0]));
	plan_free(p);
	shapes_free(shapes);
}

static void test_texts_are_inherited_where_nothing_changed(void **state)
{
	struct shapes *shapes = shapes_new();
	struct plan *old = make_plan(), *new = make_plan();

	(void)state;
	plan_select(old, shapes);
	for (size_t i = 0; i < N; i++)
		set_text(old, i, "t");
	new->fleet->servers[1].reals[0].weight = 0;
	new->fleet->servers[2].persistence = 10;
	plan_select(new, shapes);
	plan_inherit(new, old);
	assert_non_null(new->texts[0].text);
	assert_null(new->texts[1].text);
	assert_null(new->texts[2].text);
	assert_non_null(new->texts[3].text);
	assert_null(old->texts[0].text);
	assert_non_null(old->texts[1].text);
	plan_free(old);
	plan_free(new);
	shapes_free(shapes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untested_shapes_have_one_example_each),
		cmocka_unit_test(test_a_refused_shape_is_left_out_with_the_reason),
		cmocka_unit_test(test_texts_are_inherited_where_nothing_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
