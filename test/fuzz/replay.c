/* SPDX-License-Identifier: Apache-2.0 */

/* Runs a fuzz target over every file of the folders given, where there is no libFuzzer. */

#include <dirent.h>
#include <stdio.h>

#include "base/fsutil.h"
#include "base/limits.h"
#include "base/mem.h"
#include "fuzz.h"

static int replay_file(const char *path)
{
	CLEANUP_FREE char *text = NULL;
	struct err e = {0};
	uint8_t *exact;
	size_t len;

	if (fs_read(&text, &len, path, LIMIT_DOCUMENT_BYTES, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	/* Of the exact size, so that the address sanitizer sees a read past the end. */
	exact = xreallocarray(steal(text), len, 1);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 0;
}

/* The number of files replayed, or -1. */
static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int n = 0;

	if (!dir) {
		perror(folder);
		return -1;
	}
	while (n >= 0 && (entry = readdir(dir))) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, entry->d_name);

		if (entry->d_name[0] != '.')
			n = replay_file(path) < 0 ? -1 : n + 1;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int n = replay_folder(argv[i]);

		printf("%s: %d inputs\n", argv[i], n);
		if (n <= 0)
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
