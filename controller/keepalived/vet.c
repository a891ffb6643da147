/* SPDX-License-Identifier: Apache-2.0 */
#include "keepalived/vet.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "keepalived/conf_file.h"
#include "keepalived/configtest.h"
#include "keepalived/shapes.h"

struct vet {
	sd_event *loop;
	const struct config *config;
	const struct mustache *template;
	vet_fn *done;
	void *ud;
	char *path;
	struct shapes shapes;
	struct configtest *test;
	const struct virtual_server *const *servers;
	size_t n_servers;
	const struct virtual_server *examples[SHAPES]; /* of the running test */
	size_t n_examples;
	bool one_by_one;
	uint64_t n_tests;
};

static void test_shapes(struct vet *v);

struct vet *vet_new(sd_event *loop, const struct config *config, const struct mustache *template,
	vet_fn *done, void *ud)
{
	struct vet *v = xnew0(struct vet);

	v->loop = sd_event_ref(loop);
	v->config = config;
	v->template = template;
	v->done = done;
	v->ud = ud;
	v->path = xasprintf("%s/keepalived.test.conf", config->keepalived.state_dir);
	return v;
}

struct vet *vet_free(struct vet *v)
{
	if (!v)
		return NULL;
	configtest_free(v->test);
	shapes_done(&v->shapes);
	sd_event_unref(v->loop);
	free(v->path);
	free(v);
	return NULL;
}

static void log_refused(const struct virtual_server *vs, const char *complaints)
{
	CLEANUP_FREE char *service = xasprintf("%s/%s", vs->ns, vs->name);

	log_error("service.refused_by_keepalived", LOG_STR("service", service),
		LOG_STR("error", complaints),
		LOG_STR("effect", "it and Services like it are served without health checks"));
}

static void record(struct vet *v, bool refused, const char *complaints)
{
	for (size_t i = 0; i < v->n_examples; i++) {
		shapes_record(&v->shapes, shape_of(v->examples[i]),
			refused ? SHAPE_REFUSED : SHAPE_ACCEPTED, complaints);
		if (refused)
			log_refused(v->examples[i], complaints);
	}
}

static void on_tested(void *ud, enum configtest_verdict verdict, const char *complaints)
{
	struct vet *v = ud;
	bool refused = verdict == CONFIGTEST_REFUSED;

	v->test = configtest_free(v->test);
	if (verdict == CONFIGTEST_UNKNOWN) {
		v->done(v->ud, complaints);
		return;
	}
	if (verdict == CONFIGTEST_WARNED)
		log_warn("config.test_warned", LOG_STR("error", complaints));
	if (refused && v->n_examples > 1)
		v->one_by_one = true;
	else
		record(v, refused, complaints);
	test_shapes(v);
}

/* -EINVAL: the template makes of an example what keepalived would never get to see. */
static void start_test(struct vet *v)
{
	const struct conf_file file = {v->path, v->template, v->examples, v->n_examples};
	struct err e = {0};
	int r = conf_file_write(&file, &e);

	v->n_tests++;
	if (r >= 0)
		r = configtest_start(&v->test, v->loop, v->config->keepalived.program, v->path,
			v->config->keepalived.state_dir, on_tested, v, &e);
	if (r < 0)
		on_tested(v, r == -EINVAL ? CONFIGTEST_REFUSED : CONFIGTEST_UNKNOWN, e.msg);
}

static void find_untested(struct vet *v)
{
	size_t max = v->one_by_one ? 1 : SHAPES;
	bool listed[SHAPES] = {0};

	v->n_examples = 0;
	for (size_t i = 0; i < v->n_servers && v->n_examples < max; i++) {
		unsigned shape = shape_of(v->servers[i]);

		if (v->shapes.items[shape].state == SHAPE_UNTESTED && !listed[shape])
			v->examples[v->n_examples++] = v->servers[i];
		listed[shape] = true;
	}
}

static void test_shapes(struct vet *v)
{
	find_untested(v);
	if (v->n_examples > 0)
		start_test(v);
	else
		v->done(v->ud, NULL);
}

void vet_start(struct vet *v, const struct virtual_server *const servers[], size_t n)
{
	v->servers = servers;
	v->n_servers = n;
	v->one_by_one = false;
	test_shapes(v);
}

uint64_t vet_tests(const struct vet *v)
{
	return v->n_tests;
}

const char *vet_complaint(const struct vet *v, const struct virtual_server *vs)
{
	return v->shapes.items[shape_of(vs)].complaint;
}
