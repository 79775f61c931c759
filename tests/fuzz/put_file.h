/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of a directory with the fuzzer's bytes in it, for targets that read files.
 */
#ifndef PF_FUZZ_PUT_FILE_H
#define PF_FUZZ_PUT_FILE_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void put_file(int dir, const char *name, const void *data, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

#endif
