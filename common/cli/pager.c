/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

extern char **environ;

/* A signal handler needs them, hence here. */
static volatile sig_atomic_t pager_pid, pager_fd;

bool pf_pager_by_environment(void)
{
	const char *command = getenv("PF_PAGER");
	return command && *command;
}

static const char *command_of(void)
{
	static const char *const from[] = { "PF_PAGER", "PAGER" };
	for (int i = 0; i < 2; i++) {
		const char *command = getenv(from[i]);
		if (command)
			return command;
	}
	return "less";
}

int pf_pager_start(int *fd, struct pf_error *err)
{
	const char *command = command_of();
	int ends[2];

	*fd = -1;
	if (!*command || !strcmp(command, "cat"))
		return 0;
	if (pipe2(ends, O_CLOEXEC))
		return pf_fail_errno(err, PF_E_IO, errno, "cannot make a pipe for the pager");
	char *line = pf_asprintf(": ${LESS=FRSX}; export LESS; %s", command);
	char *argv[] = { "sh", "-c", line, NULL };
	posix_spawn_file_actions_t files;
	pid_t pid;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, ends[0], STDIN_FILENO);
	int failed = posix_spawn(&pid, "/bin/sh", &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	free(line);
	close(ends[0]);
	if (failed) {
		close(ends[1]);
		return pf_fail_errno(err, PF_E_IO, failed, "cannot start the pager '%s'",
				     command);
	}
	pager_fd = *fd = ends[1];
	pager_pid = (sig_atomic_t)pid;
	return 0;
}

static void wait_for_it(void)
{
	while (waitpid((pid_t)pager_pid, NULL, 0) < 0 && errno == EINTR)
		;
	pager_pid = 0;
}

void pf_pager_wait(int *fd)
{
	if (*fd < 0 || !pager_pid)
		return;
	close(*fd);
	*fd = -1;
	wait_for_it();
}

void pf_pager_wait_in_signal(void)
{
	int kept = errno;
	if (pager_pid) {
		close(pager_fd);
		wait_for_it();
	}
	errno = kept;
}
