/* SPDX-License-Identifier: Apache-2.0 */
/* First process of a pod: holds its namespaces, and buries who has no parent. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int sig)
{
	(void)sig;
	_exit(0);
}

static void bury(int sig)
{
	(void)sig;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void)
{
	signal(SIGINT, end);
	signal(SIGTERM, end);
	signal(SIGCHLD, bury);
	for (;;)
		pause();
}
