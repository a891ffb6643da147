/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/vet.h"

#include "base/log.h"
#include "base/mem.h"
#include "keepalived/conf_file.h"
#include "keepalived/configtest.h"
#include "keepalived/shapes.h"

enum { EXAMPLES_MAX = 64 }; /* shapes in one config test */

struct vet {
	sd_event *loop;
	const struct config *config;
	const struct mustache *template;
	vet_fn *done;
	void *ud;
	char *path;
	struct shapes *shapes;
	struct configtest *test;
	struct plan *plan;
	const struct virtual_server *examples[EXAMPLES_MAX];
	size_t n_examples; /* of the running test; 0 when it is the whole file */
	enum vet_mode mode;
	bool one_by_one;
	uint64_t n_tests;
};

static void test_shapes(struct vet *v);

struct vet *vet_new(sd_event *loop, const struct config *config, const struct mustache *template,
	enum vet_mode mode, vet_fn *done, void *ud)
{
	struct vet *v = xnew0(struct vet);

	v->loop = sd_event_ref(loop);
	v->config = config;
	v->template = template;
	v->mode = mode;
	v->done = done;
	v->ud = ud;
	v->path = xasprintf("%s/keepalived.test.conf", config->keepalived.state_dir);
	v->shapes = shapes_new();
	return v;
}

struct vet *vet_free(struct vet *v)
{
	if (!v)
		return NULL;
	configtest_free(v->test);
	shapes_free(v->shapes);
	sd_event_unref(v->loop);
	free(v->path);
	free(v);
	return NULL;
}

static void finish(struct vet *v, const char *refusal)
{
	v->plan = NULL;
	v->done(v->ud, refusal);
}

static void log_refused(const struct virtual_server *vs, const char *complaints)
{
	CLEANUP_FREE char *service = xasprintf("%s/%s", vs->ns, vs->name);

	log_error("service.refused_by_keepalived", LOG_STR("service", service),
		LOG_STR("error", complaints),
		LOG_STR("effect", "it and Services like it are left out, others are served"));
}

static void record(struct vet *v, enum configtest_verdict verdict, const char *complaints)
{
	bool refused = verdict == CONFIGTEST_REFUSED;

	for (size_t i = 0; i < v->n_examples; i++) {
		shapes_record(v->shapes, v->examples[i], refused ? SHAPE_REFUSED : SHAPE_ACCEPTED,
			complaints);
		if (refused)
			log_refused(v->examples[i], complaints);
	}
}

static void on_tested(void *ud, enum configtest_verdict verdict, const char *complaints)
{
	struct vet *v = ud;

	v->test = configtest_free(v->test);
	if (verdict == CONFIGTEST_WARNED)
		log_warn("config.test_warned", LOG_STR("error", complaints));
	if (v->n_examples == 0) {
		finish(v, verdict == CONFIGTEST_REFUSED ? complaints : NULL);
		return;
	}
	if (verdict == CONFIGTEST_REFUSED && v->n_examples > 1)
		v->one_by_one = true;
	else
		record(v, verdict, complaints);
	test_shapes(v);
}

static void start_test(struct vet *v, const struct virtual_server *const servers[], size_t n)
{
	struct err e = {0};
	int r = conf_file_write(v->path, v->template, servers, n, NULL, &e);

	v->n_tests++;
	if (r >= 0)
		r = configtest_start(&v->test, v->loop, v->config->keepalived.program, v->path,
			on_tested, v, &e);
	if (r < 0)
		on_tested(v, CONFIGTEST_REFUSED, e.msg);
}

static void test_shapes(struct vet *v)
{
	v->n_examples = 0;
	if (v->mode != VET_NOTHING)
		v->n_examples = plan_untested(
			v->plan, v->shapes, v->examples, v->one_by_one ? 1 : EXAMPLES_MAX);
	if (v->n_examples > 0) {
		start_test(v, v->examples, v->n_examples);
		return;
	}
	plan_select(v->plan, v->shapes);
	if (v->mode == VET_WHOLE_FILE)
		start_test(v, v->plan->servers, v->plan->n_servers);
	else
		finish(v, NULL);
}

void vet_start(struct vet *v, struct plan *plan)
{
	v->plan = plan;
	v->one_by_one = false;
	test_shapes(v);
}

uint64_t vet_tests(const struct vet *v)
{
	return v->n_tests;
}

const char *vet_complaint(const struct vet *v, const struct virtual_server *vs)
{
	return shapes_complaint(v->shapes, vs);
}
