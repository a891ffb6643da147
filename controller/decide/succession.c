/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/succession.h"

#include <string.h>

#include "base/mem.h"

static void *copy_array(const void *array, size_t n, size_t item)
{
	void *copy = xcalloc(n + 1, item);

	if (n)
		memcpy(copy, array, n * item);
	return copy;
}

struct fleet *succession_follow(struct fleet *old)
{
	struct fleet *f = xnew0(struct fleet);

	*f = *old;
	f->servers = copy_array(old->servers, old->n_servers, sizeof(struct virtual_server *));
	f->services = copy_array(old->services, old->n_services, sizeof(struct fleet_service *));
	f->without = copy_array(old->without, old->n_without, sizeof(struct fleet_service *));
	f->n_refs = 1;
	f->number = old->number + 1;
	f->before = old;
	f->after = NULL;
	f->gone = (struct fleet_gone){0};
	old->after = f;
	return f;
}

/* Its size is the next power of two. */
static void *grown(void *array, size_t n)
{
	if (n & (n - 1))
		return array;
	return xreallocarray(array, n ? 2 * n : 1, sizeof(void *));
}

static void free_server(struct virtual_server *vs)
{
	free(vs->reals);
	free(vs->sources);
	health_check_done(&vs->check);
	free(vs);
}

void succession_free_verdict(struct fleet_service *verdict)
{
	free(verdict->ns);
	free(verdict->name);
	free(verdict->message);
	free(verdict->complaint);
	free(verdict->route_complaint);
	attributes_unref(verdict->route);
	free(verdict->vips);
	free(verdict);
}

static bool was_there(const struct fleet *f, uint64_t born)
{
	return f && born <= f->number;
}

void succession_drop_server(struct fleet *f, struct virtual_server *vs)
{
	struct fleet_gone *g;

	if (!was_there(f->before, vs->born)) {
		free_server(vs);
		return;
	}
	g = &f->before->gone;
	g->servers = grown(g->servers, g->n_servers);
	g->servers[g->n_servers++] = vs;
}

void succession_drop_verdict(struct fleet *f, struct fleet_service *verdict)
{
	struct fleet_gone *g;

	if (!was_there(f->before, verdict->born)) {
		succession_free_verdict(verdict);
		return;
	}
	g = &f->before->gone;
	g->services = grown(g->services, g->n_services);
	g->services[g->n_services++] = verdict;
}

/* The one before is the newest again, and has all that it ever had. */
static void end_newest(struct fleet *f)
{
	struct fleet *before = f->before;

	for (size_t i = 0; i < f->n_servers; i++)
		if (!was_there(before, f->servers[i]->born))
			free_server(f->servers[i]);
	for (size_t i = 0; i < f->n_services; i++)
		if (!was_there(before, f->services[i]->born))
			succession_free_verdict(f->services[i]);
	if (!before)
		return;
	before->after = NULL;
	before->gone.n_servers = before->gone.n_services = 0;
}

/* The one before it has the next one for its own. */
static void end_older(struct fleet *f)
{
	for (size_t i = 0; i < f->gone.n_servers; i++)
		succession_drop_server(f, f->gone.servers[i]);
	for (size_t i = 0; i < f->gone.n_services; i++)
		succession_drop_verdict(f, f->gone.services[i]);
	f->after->before = f->before;
	if (f->before)
		f->before->after = f->after;
}

void succession_end(struct fleet *f)
{
	if (f->after)
		end_older(f);
	else
		end_newest(f);
	free(f->gone.servers);
	free(f->gone.services);
	free(f->servers);
	free(f->services);
	free(f->without);
	free(f);
}
