/* SPDX-License-Identifier: Apache-2.0 */
#include "base/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* One socket pair serves as its stdin and its stdout: sending to a program
 * that has gone is an error then, not a signal. */
static int start(const char *command, int *fd, pid_t *pid, struct pf_error *err)
{
	int pair[2];
	char *argv[] = { "sh", "-c", (char *)(uintptr_t)command, NULL };
	posix_spawn_file_actions_t files;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return pf_fail_errno(err, PF_E_IO, errno, "cannot make a socket pair");
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, pair[1], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, pair[1], STDOUT_FILENO);
	int failed = posix_spawn(pid, "/bin/sh", &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(pair[1]);
	*fd = pair[0];
	if (!failed)
		return 0;
	close(pair[0]);
	return pf_fail_errno(err, PF_E_IO, failed, "cannot run '%s'", command);
}

static int fail_io(const char *command, int why, struct pf_error *err)
{
	return pf_fail_errno(err, PF_E_IO, why, "cannot talk with '%s'", command);
}

/* Send some; *left is empty when all has left or nobody listens. */
static int send_some(int fd, const char *command, struct pf_view *left,
		     struct pf_error *err)
{
	ssize_t n = send(fd, left->data, left->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		return fail_io(command, errno, err);
	*left = n < 0 ? (struct pf_view){ 0 } :
			pf_view_of(left->data + n, left->len - (size_t)n);
	return 0;
}

static int receive_some(int fd, const char *command, size_t limit, struct pf_buf *out,
			bool *end, struct pf_error *err)
{
	enum { SOME = 64 << 10 };
	ssize_t n = recv(fd, pf_buf_room(out, SOME), SOME, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	*end = n == 0 || (n < 0 && errno == ECONNRESET);
	if (n < 0 && !*end)
		return fail_io(command, errno, err);
	out->len += n > 0 ? (size_t)n : 0;
	if (out->len > limit)
		return pf_fail(err, PF_E_LIMIT, "'%s' prints more than %zu bytes", command, limit);
	return 0;
}

static int talk(int fd, const char *command, struct pf_view input, size_t limit,
		struct pf_buf *out, struct pf_error *err)
{
	bool open = true;
	for (bool end = false; !end;) {
		if (open && !input.len) {
			shutdown(fd, SHUT_WR);
			open = false;
		}
		struct pollfd p = { .fd = fd, .events = (short)(POLLIN | (open ? POLLOUT : 0)) };
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return fail_io(command, errno, err);
		if (open && p.revents & (POLLOUT | POLLERR))
			PF_TRY(send_some(fd, command, &input, err));
		if (p.revents & (POLLIN | POLLHUP | POLLERR))
			PF_TRY(receive_some(fd, command, limit, out, &end, err));
	}
	return 0;
}

int pf_command_run(const char *command, struct pf_view input, size_t limit,
		   struct pf_buf *out, struct pf_error *err)
{
	int fd = -1, status = 0;
	pid_t pid = 0;
	PF_TRY(start(command, &fd, &pid, err));
	int code = talk(fd, command, input, limit, out, err);
	close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (code)
		return code;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return pf_fail(err, PF_E_COMMAND, "'%s' was ended by signal %d", command,
			       WTERMSIG(status));
	return pf_fail(err, PF_E_COMMAND, "'%s' exited with %d", command, WEXITSTATUS(status));
}
