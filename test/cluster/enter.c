/* SPDX-License-Identifier: Apache-2.0 */
/* enter [CMD [ARG...]]: runs CMD of the node, whose root file system is /host; without, waits. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	if (argc < 2)
		for (;;)
			pause();
	if (chroot("/host") < 0 || chdir("/") < 0) {
		perror("enter");
		return 125;
	}
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
