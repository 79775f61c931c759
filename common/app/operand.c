/* SPDX-License-Identifier: Apache-2.0 */
#include "app/operand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"

static bool begins(const void *bytes, size_t len, const char *magic, size_t n)
{
	return len >= n && !memcmp(bytes, magic, n);
}

enum pf_operand_kind pf_magic_kind(const void *bytes, size_t len)
{
	if (!len)
		return PF_OPERAND_EMPTY;
	/* No text begins with 0xff, so a stream that was cut early is one, too. */
	if (begins(bytes, len, "\xff\xff\xff\xff", len < 4 ? len : 4) ||
	    begins(bytes, len, "ARROW1", 6))
		return PF_OPERAND_ARROW;
	if (begins(bytes, len, "PAR1", 4))
		return PF_OPERAND_PARQUET;
	if (begins(bytes, len, "Obj\x01", 4))
		return PF_OPERAND_AVRO;
	if (begins(bytes, len, "\x1f\x8b", 2))
		return PF_OPERAND_GZIP;
	if (begins(bytes, len, "\x28\xb5\x2f\xfd", 4))
		return PF_OPERAND_ZSTD;
	return PF_OPERAND_TEXT;
}

const char *pf_operand_kind_name(enum pf_operand_kind kind)
{
	static const char *const names[] = {
		"a table", "a stage", "a Kafka stage", "stdin", "an Arrow stream",
		"a Parquet file", "an Avro file", "a gzip file", "a zstd file", "text",
		"empty",
	};
	return names[kind];
}

static bool has(const char *dir, const char *name)
{
	char *path = pf_asprintf("%s/%s", dir, name);
	bool there = !access(path, F_OK);
	free(path);
	return there;
}

static int directory_kind(const char *operand, enum pf_operand_kind *kind,
			  struct pf_error *err)
{
	char quoted[256];

	if (has(operand, "schema/schema-0")) {
		*kind = PF_OPERAND_TABLE;
		return 0;
	}
	if (has(operand, "stage.json")) {
		*kind = PF_OPERAND_STAGE;
		return 0;
	}
	pf_fail(err, PF_E_NOT_A_TABLE, "neither a table nor a stage: '%s'",
		pf_quote(quoted, sizeof(quoted), operand, strlen(operand)));
	return pf_hint(err, "a table has schema/schema-0 in it (pf-put --create), "
		       "a stage stage.json (pf-stage append)");
}

int pf_operand_kind(const char *operand, enum pf_operand_kind *kind,
		    struct pf_error *err)
{
	char quoted[256];
	struct stat st;
	uint8_t head[8];
	size_t got = 0;

	if (!strcmp(operand, "-")) {
		*kind = PF_OPERAND_STDIN;
		return 0;
	}
	if (!strncmp(operand, "kafka://", 8)) {
		*kind = PF_OPERAND_KAFKA;
		return 0;
	}
	pf_quote(quoted, sizeof(quoted), operand, strlen(operand));
	int fd = open(operand, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int code = errno == EACCES ? PF_E_ACCESS :
			errno == ENOENT || errno == ENOTDIR ? PF_E_NO_FILE : PF_E_IO;
		return pf_fail_errno(err, code, errno, "cannot open '%s'", quoted);
	}
	int code = 0;
	if (fstat(fd, &st))
		code = pf_fail_errno(err, PF_E_IO, errno, "cannot look at '%s'", quoted);
	else if (S_ISDIR(st.st_mode))
		code = directory_kind(operand, kind, err);
	else if (!S_ISREG(st.st_mode))
		*kind = PF_OPERAND_TEXT; /* a pipe: its bytes are only read once */
	else if (!(code = pf_read_full(fd, quoted, head, sizeof(head), &got, err)))
		*kind = pf_magic_kind(head, got);
	close(fd);
	return code;
}
