/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/kafka_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { FILE_BYTES = 1 << 20 };

void pf_kafka_config_free(struct pf_kafka_config *c)
{
	for (size_t i = 0; i < c->n; i++) {
		explicit_bzero(c->items[i].value, strlen(c->items[i].value));
		free(c->items[i].value);
		free(c->items[i].key);
	}
	free(c->items);
	*c = (struct pf_kafka_config){ 0 };
}

const char *pf_kafka_config_get(const struct pf_kafka_config *c, const char *key)
{
	const char *value = NULL;
	for (size_t i = 0; c && i < c->n; i++)
		if (!strcmp(c->items[i].key, key))
			value = c->items[i].value;
	return value;
}

/* Properties whose value nobody else may know. */
static bool secret(const char *key)
{
	static const char *const endings[] = { "password", ".key.pem", "secret",
					       "oauthbearer.config" };
	size_t len = strlen(key);
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		size_t n = strlen(endings[i]);
		if (len >= n && !strcmp(key + len - n, endings[i]))
			return true;
	}
	return false;
}

static char *trimmed(const char *from, const char *end)
{
	while (from < end && (*from == ' ' || *from == '\t'))
		from++;
	while (end > from && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	return pf_strndup(from, (size_t)(end - from));
}

static int take_line(const char *from, const char *end, const char *name, unsigned line,
		     struct pf_kafka_config *c, struct pf_error *err)
{
	while (from < end && (*from == ' ' || *from == '\t' || *from == '\r'))
		from++;
	if (from == end || *from == '#')
		return 0;
	const char *equals = memchr(from, '=', (size_t)(end - from));
	/* The line may be a password that lost its name: say where, not what. */
	if (!equals || equals == from)
		return pf_fail(err, PF_E_KAFKA_CONFIG, "%s:%u: no 'name=value'",
			       name, line);
	if (memchr(from, '\0', (size_t)(end - from)))
		return pf_fail(err, PF_E_KAFKA_CONFIG, "%s:%u: holds a NUL", name, line);
	c->items = pf_realloc(c->items, c->n + 1, sizeof *c->items);
	struct pf_kafka_setting *s = &c->items[c->n++];
	s->key = trimmed(from, equals);
	s->value = trimmed(equals + 1, end);
	if (pf_kafka_setting_ours(s->key)) {
		pf_fail(err, PF_E_KAFKA_CONFIG, "%s:%u: '%.60s' is not to be changed",
			name, line, s->key);
		return pf_hint(err, "that no row is lost or doubled depends on it");
	}
	if (!strcmp(s->key, "bootstrap.servers") || !strcmp(s->key, "metadata.broker.list"))
		return pf_fail(err, PF_E_KAFKA_CONFIG, "%s:%u: the servers stand in the URL",
			       name, line);
	return 0;
}

static int take_text(const struct pf_buf *text, const char *name,
		     struct pf_kafka_config *c, struct pf_error *err)
{
	const char *p = (const char *)text->data, *end = p + text->len;
	for (unsigned line = 1; p < end; line++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline ? newline : end;
		PF_TRY(take_line(p, stop, name, line, c, err));
		p = stop + 1;
	}
	return 0;
}

static int check_owner(const struct pf_kafka_config *c, const struct stat *st,
		       const char *name, struct pf_error *err)
{
	const char *key = NULL;
	for (size_t i = 0; i < c->n && !key; i++)
		if (secret(c->items[i].key) && *c->items[i].value)
			key = c->items[i].key;
	if (!key)
		return 0;
	if (st->st_mode & (S_IRWXG | S_IRWXO)) {
		pf_fail(err, PF_E_KAFKA_CONFIG,
			"'%s' holds a secret (%.60s), and others may open it (mode %04o)",
			name, key, (unsigned)st->st_mode & 07777);
		return pf_hint(err, "chmod 600 '%s'", name);
	}
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return pf_fail(err, PF_E_KAFKA_CONFIG,
			       "'%s' holds a secret (%.60s), and is somebody else's file",
			       name, key);
	/* librdkafka keeps it in plain memory: no core file, no debugger of the same
	 * user may show it. */
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

/* PLAIN sends the password as it is: only inside TLS. */
static int check_clear(const struct pf_kafka_config *c, const char *name,
		       struct pf_error *err)
{
	static const char *const names[] = { "sasl.mechanism", "sasl.mechanisms" };
	const char *protocol = pf_kafka_config_get(c, "security.protocol");
	bool plain = false; /* by either name: the later one counts */
	for (size_t i = 0; i < 2; i++) {
		const char *mechanism = pf_kafka_config_get(c, names[i]);
		plain = plain || (mechanism && !strcasecmp(mechanism, "PLAIN"));
	}
	if (!plain || !protocol || strcasecmp(protocol, "sasl_plaintext") != 0)
		return 0;
	pf_fail(err, PF_E_KAFKA_CONFIG,
		"'%s' would send the password over the network in clear", name);
	return pf_hint(err, "security.protocol=SASL_SSL, or sasl.mechanism=SCRAM-SHA-256");
}

int pf_kafka_config_load(const char *path, struct pf_kafka_config *config,
			 struct pf_error *err)
{
	struct pf_buf text = { 0 };
	struct stat st;
	char name[512];
	*config = (struct pf_kafka_config){ 0 };
	pf_quote(name, sizeof name, path, strlen(path));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return pf_fail_errno(err, errno == ENOENT ? PF_E_NO_FILE :
				     errno == EACCES ? PF_E_ACCESS : PF_E_IO, errno,
				     "cannot open '%s'", name);
	size_t got = 0;
	int code = fstat(fd, &st) ?
		pf_fail_errno(err, PF_E_IO, errno, "cannot look at '%s'", name) : 0;
	pf_buf_room(&text, FILE_BYTES);
	if (!code)
		code = pf_read_full(fd, name, text.data, FILE_BYTES, &got, err);
	text.len = got;
	close(fd);
	if (!code && got == FILE_BYTES)
		code = pf_fail(err, PF_E_KAFKA_CONFIG, "'%s' is longer than 1 MiB", name);
	if (!code)
		code = take_text(&text, name, config, err);
	if (!code)
		code = check_owner(config, &st, name, err);
	if (!code)
		code = check_clear(config, name, err);
	explicit_bzero(text.data, text.len);
	pf_buf_free(&text);
	if (code)
		pf_kafka_config_free(config);
	return code;
}
