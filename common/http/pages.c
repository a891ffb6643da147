/* SPDX-License-Identifier: Apache-2.0 */
#include "http/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <utlist.h>

#include "base/mem.h"
#include "loop/loop.h"

struct page {
	struct page *prev, *next;
	struct pages *pages;
	char *path;
	int fd; /* memory for it */
	struct pages_reader *readers;
	uint64_t until; /* loop_clock; 0: it is being written */
};

struct pages {
	struct scribes *scribes;
	sd_event_source *timer;
	struct page *all;
	void (*write)(void *ud, const char *path, FILE *out);
	void *ud;
};

DEFINE_CLEANUP(struct pages *, pages_free);

static struct page *page_free(struct page *page)
{
	closep(&page->fd);
	free(page->path);
	free(page);
	return NULL;
}

static void drop(struct page *page)
{
	DL_DELETE(page->pages->all, page);
	page_free(page);
}

static bool is_old(const struct page *page)
{
	return page->until && page->until <= loop_clock();
}

static void on_time(void *ud)
{
	struct pages *p = ud;
	struct page *page, *next;

	for (page = p->all; page; page = next) {
		next = page->next;
		if (is_old(page))
			drop(page);
	}
}

static int copy(const struct page *page)
{
	return fcntl(page->fd, F_DUPFD_CLOEXEC, 0);
}

void pages_leave(struct pages_reader *reader)
{
	if (reader->page)
		DL_DELETE(reader->page->readers, reader);
	reader->page = NULL;
}

static void tell_readers(struct page *page, bool written)
{
	struct pages_reader *reader;

	while ((reader = page->readers)) {
		pages_leave(reader);
		reader->ready(reader->ud, written ? copy(page) : -1);
	}
}

/* Of a failure nothing is kept: the next one who asks tries again. */
static void on_written(void *ud, int result)
{
	struct page *page = ud;
	struct pages *p = page->pages;

	if (result == 0) {
		page->until = loop_clock() + PAGES_KEPT;
		loop_timer_arm(p->timer, PAGES_KEPT);
	} else {
		DL_DELETE(p->all, page);
	}
	tell_readers(page, result == 0);
	if (result != 0)
		page_free(page);
}

static void write_page(const void *arg, FILE *out)
{
	const struct page *page = arg;

	page->pages->write(page->pages->ud, page->path, out);
}

static int begin(struct page **ret, struct pages *p, const char *path, struct err *e)
{
	struct page *page = xnew0(struct page);
	int r;

	page->pages = p;
	page->path = xstrdup(path);
	page->fd = memfd_create("page", MFD_CLOEXEC);
	if (page->fd < 0)
		r = err_errno(e, errno, "making memory for a page");
	else
		r = scribes_start(p->scribes, page->fd, write_page, page, on_written, page, e);
	if (r < 0) {
		page_free(page);
		return r;
	}
	DL_APPEND(p->all, page);
	*ret = page;
	return 0;
}

static struct page *find(const struct pages *p, const char *path)
{
	struct page *page = p->all;

	while (page && (is_old(page) || strcmp(page->path, path) != 0))
		page = page->next;
	return page;
}

int pages_ask(struct pages *p, const char *path, struct pages_reader *reader, struct err *e)
{
	struct page *page = find(p, path);
	int r = page ? 0 : begin(&page, p, path, e);

	if (r < 0)
		return r;
	if (page->until) {
		reader->ready(reader->ud, copy(page));
		return 1;
	}
	reader->page = page;
	DL_APPEND(page->readers, reader);
	return 0;
}

int pages_new(struct pages **ret, sd_event *loop, struct scribes *scribes,
	void (*write)(void *ud, const char *path, FILE *out), void *ud, struct err *e)
{
	CLEANUP(pages_freep) struct pages *p = xnew0(struct pages);
	int r = loop_timer_new(&p->timer, loop, on_time, p, e);

	if (r < 0)
		return r;
	p->scribes = scribes;
	p->write = write;
	p->ud = ud;
	*ret = steal(p);
	return 0;
}

struct pages *pages_free(struct pages *p)
{
	if (!p)
		return NULL;
	while (p->all)
		drop(p->all);
	sd_event_source_disable_unref(p->timer);
	free(p);
	return NULL;
}
