/* SPDX-License-Identifier: Apache-2.0
 *
 * prefixes FILE MAX STATUS[,STATUS] COMMAND...: run the command once for every
 * proper prefix of the file, which it reads from a pipe; of a file with more
 * than MAX bytes for about MAX of them, with all those near its two ends.
 * Prints each length at which the exit status is none of those, or a signal,
 * and fails if there was one. The command's output is thrown away.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { NEAR = 24 };

static int run(char **command, const char *data, size_t len)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status;
	pid_t child;

	if (pipe(ends))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	int failed = posix_spawnp(&child, command[0], &actions, NULL, command, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[0]);
	while (!failed && len) {
		ssize_t n = write(ends[1], data, len);
		if (n <= 0)
			break; /* the program has seen enough */
		data += n;
		len -= (size_t)n;
	}
	close(ends[1]);
	if (failed || waitpid(child, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	FILE *file = fopen(argv[1], "rb");
	if (!file || fseek(file, 0, SEEK_END))
		return 2;
	size_t size = (size_t)ftell(file);
	char *data = malloc(size + 1);
	rewind(file);
	if (!data || fread(data, 1, size, file) != size)
		return 2;
	fclose(file);
	signal(SIGPIPE, SIG_IGN);

	size_t bad = 0, max = (size_t)atol(argv[2]), step = max && size > max ? size / max + 1 : 1;
	const char *comma = strchr(argv[3], ',');
	for (size_t len = 0; len < size; len++) {
		if (len % step && len > NEAR && len + NEAR < size)
			continue;
		int status = run(argv + 4, data, len);
		if (status != atoi(argv[3]) && (!comma || status != atoi(comma + 1)) &&
		    bad++ < 10)
			printf("%s: exit %d after %zu of %zu bytes\n", argv[4], status, len,
			       size);
	}
	free(data);
	return bad > 0;
}
