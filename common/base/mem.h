/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * The one ownership idiom: a local that owns something is declared with CLEANUP(fn), and ownership
 * leaves it through steal(). Allocation never returns NULL: out of memory ends the program here.
 */

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Defines NAMEp, the function for CLEANUP, from a destructor NAME that takes and returns TYPE. */
#define DEFINE_CLEANUP(type, name)                                                                 \
	static inline void name##p(type *p) /* NOLINT(bugprone-macro-parentheses): a type */       \
	{                                                                                          \
		if (*p)                                                                            \
			*p = name(*p);                                                             \
	}                                                                                          \
	struct allow_semicolon_after_##name

#define steal(ptr)                                                                                 \
	({                                                                                         \
		__typeof__(ptr) stolen_ = (ptr);                                                   \
		(ptr) = NULL;                                                                      \
		stolen_;                                                                           \
	})

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define CLEANUP_FREE CLEANUP(freep)
#define CLEANUP_CLOSE CLEANUP(closep)

/* Zeroed memory for n objects of `size` bytes; ends the program when there is none. */
void *xcalloc(size_t n, size_t size) __attribute__((malloc, warn_unused_result));
/* Grows or shrinks an array; new elements are not zeroed. */
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((warn_unused_result));
char *xstrdup(const char *s) __attribute__((malloc, warn_unused_result));
/* Puts a copy in the place of a text, which is freed and may be NULL. */
void xreplace(char **text, const char *with);
/* A new string, printed. */
char *xasprintf(const char *fmt, ...)
	__attribute__((malloc, warn_unused_result, format(printf, 1, 2)));

#define xnew0(type) ((type *)xcalloc(1, sizeof(type)))

/*
 * For the start of a program: pieces that are freed are merged at once. Else glibc goes through all
 * small ones whenever more than a kilobyte is wanted, which took longer than a decision.
 */
void mem_setup(void);

/* Says "out of memory" and ends the program. */
void mem_exhausted(void) __attribute__((noreturn));
