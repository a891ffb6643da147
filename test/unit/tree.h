/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static inline int tree_remove_one(
	const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* Removes a folder with all that is in it. */
static inline void tree_remove(const char *folder)
{
	nftw(folder, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
