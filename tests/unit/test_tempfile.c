/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/operand.h"
#include "base/file.h"
#include "base/tempfile.h"
#include "cli/signals.h"

static char dir[] = "/tmp/pf-test.XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

TEST(rename_takes_the_place)
{
	struct pf_tempfile *t;
	struct pf_error err = { 0 };
	char temporary[4096];
	struct stat st;
	int fd;

	CHECK_OK(pf_tempfile_beside(in_dir("out"), &fd, &t, &err), &err);
	CHECK(write(fd, "abc", 3) == 3);
	close(fd);
	snprintf(temporary, sizeof(temporary), "%s", pf_tempfile_path(t));
	CHECK(!stat(temporary, &st));
	CHECK_OK(pf_tempfile_rename(t, in_dir("out"), &err), &err);
	CHECK(stat(temporary, &st) < 0);
	CHECK(!stat(in_dir("out"), &st) && st.st_size == 3);
	unlink(in_dir("out"));
}

/* Whole pages, when there are some; the file stays what it is. */
TEST(write_behind)
{
	enum { MEGA = 1 << 20 };
	struct pf_tempfile *t;
	struct pf_error err = { 0 };
	struct stat st;
	uint64_t sent = 0;
	int fd;
	CHECK_OK(pf_tempfile_beside(in_dir("grows"), &fd, &t, &err), &err);
	CHECK(!ftruncate(fd, 3 * MEGA + 10));
	pf_write_behind(fd, &sent, MEGA);
	CHECK_INT((int64_t)sent, 0);
	pf_write_behind(fd, &sent, 3 * MEGA + 10);
	CHECK_INT((int64_t)sent, 3 * MEGA);
	CHECK(!fstat(fd, &st) && st.st_size == 3 * MEGA + 10);
	close(fd);
	pf_tempfile_remove(t);
}

TEST(no_directory)
{
	struct pf_tempfile *t;
	struct pf_error err = { 0 };
	int fd;

	CHECK_INT(pf_tempfile_beside(in_dir("none/out"), &fd, &t, &err), PF_E_NO_FILE);
}

/* A child that has a temporary file and meets a signal leaves nothing, and
 * dies by the signal. */
static void dies_clean(int signal_number, bool graceful, int again)
{
	int ready[2], status;
	char byte;

	CHECK(!pipe(ready));
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		struct pf_tempfile *t;
		int fd;
		/* Whoever runs the tests in the background ignores it. */
		signal(SIGINT, SIG_DFL);
		alarm(20);
		pf_signals_install();
		if (graceful)
			pf_signals_graceful();
		if (pf_tempfile_beside(in_dir("x"), &fd, &t, NULL))
			_exit(9);
		if (write(ready[1], "", 1) != 1)
			_exit(9);
		while (!pf_stopping())
			usleep(1000);
		if (write(ready[1], "", 1) != 1)
			_exit(9);
		for (;;)
			pause();
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	kill(child, signal_number);
	if (again) {
		CHECK(read(ready[0], &byte, 1) == 1);
		kill(child, again);
	}
	waitpid(child, &status, 0);
	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), again ? again : signal_number);
	close(ready[0]);
	CHECK(!rmdir(dir));
	CHECK(!mkdir(dir, 0700));
}

TEST(signals_clean_up)
{
	dies_clean(SIGTERM, false, 0);
	dies_clean(SIGINT, false, 0);
	dies_clean(SIGPIPE, false, 0);
	dies_clean(SIGTERM, true, SIGTERM);
	dies_clean(SIGINT, true, SIGTERM);
}

TEST(operands)
{
	enum pf_operand_kind kind;
	struct pf_error err = { 0 };

	CHECK_INT(pf_operand_kind(dir, &kind, &err), PF_E_NOT_A_TABLE);
	CHECK(!mkdir(in_dir("schema"), 0700));
	fclose(fopen(in_dir("schema/schema-0"), "w"));
	CHECK_OK(pf_operand_kind(dir, &kind, &err), &err);
	CHECK_INT(kind, PF_OPERAND_TABLE);
	CHECK_OK(pf_operand_kind(in_dir("schema/schema-0"), &kind, &err), &err);
	CHECK_INT(kind, PF_OPERAND_EMPTY);
	unlink(in_dir("schema/schema-0"));
	rmdir(in_dir("schema"));
	CHECK_INT(pf_operand_kind(in_dir("nothing"), &kind, &err), PF_E_NO_FILE);
	CHECK_OK(pf_operand_kind("kafka://h/t", &kind, &err), &err);
	CHECK_INT(kind, PF_OPERAND_KAFKA);
	CHECK_INT(pf_magic_kind("\xff\xff\xff\xff\x10\x00\x00\x00", 8), PF_OPERAND_ARROW);
	CHECK_INT(pf_magic_kind("\xff", 1), PF_OPERAND_ARROW);
	CHECK_INT(pf_magic_kind("ARROW1\0\0", 8), PF_OPERAND_ARROW);
	CHECK_INT(pf_magic_kind("PAR1", 4), PF_OPERAND_PARQUET);
	CHECK_INT(pf_magic_kind("{\"a\"", 4), PF_OPERAND_TEXT);
	CHECK_INT(pf_magic_kind("\x1f\x8b", 2), PF_OPERAND_GZIP);
}

TEST(finish)
{
	CHECK(!rmdir(dir));
}

static int start = 0;

TEST(begin)
{
	CHECK(!start++ && mkdtemp(dir));
}

UNIT_MAIN(CASE(begin), CASE(rename_takes_the_place), CASE(write_behind),
	  CASE(no_directory), CASE(signals_clean_up), CASE(operands), CASE(finish))
