/* SPDX-License-Identifier: Apache-2.0 */
#include "arrow/type.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t pf_kind_width(enum pf_kind kind)
{
	switch (kind) {
	case PF_TINYINT:
		return 1;
	case PF_SMALLINT:
		return 2;
	case PF_INT:
	case PF_FLOAT:
	case PF_DATE:
	case PF_TIME:
		return 4;
	case PF_BIGINT:
	case PF_DOUBLE:
	case PF_TIMESTAMP:
	case PF_TIMESTAMP_LTZ:
		return 8;
	case PF_DECIMAL:
		return 16;
	case PF_BOOLEAN:
	case PF_STRING:
	case PF_BYTES:
	case PF_LARGE_BYTES:
	case PF_STRINGS:
		break;
	}
	return 0;
}

/* Every spelling that is taken; the first of a kind is the one printed.
 * args: how many numbers may stand in parentheses. */
static const struct spelling {
	const char *name;
	enum pf_kind kind;
	int args;
	uint8_t precision, scale; /* when there are none */
	uint8_t max;
} spellings[] = {
	{ "boolean", PF_BOOLEAN, 0, 0, 0, 0 },
	{ "tinyint", PF_TINYINT, 0, 0, 0, 0 },
	{ "smallint", PF_SMALLINT, 0, 0, 0, 0 },
	{ "int", PF_INT, 0, 0, 0, 0 },
	{ "integer", PF_INT, 0, 0, 0, 0 },
	{ "bigint", PF_BIGINT, 0, 0, 0, 0 },
	{ "float", PF_FLOAT, 0, 0, 0, 0 },
	{ "double", PF_DOUBLE, 0, 0, 0, 0 },
	{ "decimal", PF_DECIMAL, 2, 10, 0, 38 },
	{ "string", PF_STRING, 0, 0, 0, 0 },
	{ "bytes", PF_BYTES, 0, 0, 0, 0 },
	{ "date", PF_DATE, 0, 0, 0, 0 },
	{ "time", PF_TIME, 1, 3, 0, 3 },
	{ "timestamp", PF_TIMESTAMP, 1, 6, 0, 6 },
	{ "timestamp_ltz", PF_TIMESTAMP_LTZ, 1, 6, 0, 6 },
	{ "large_bytes", PF_LARGE_BYTES, 0, 0, 0, 0 },
	{ "strings", PF_STRINGS, 0, 0, 0, 0 },
};

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* The words of `phrase` next in *p (any case, blanks between them)? */
static bool take_words(const char **p, const char *phrase)
{
	const char *q = skip_blanks(*p);
	while (*phrase) {
		if (*phrase == ' ') {
			if (*q != ' ' && *q != '\t')
				return false;
			q = skip_blanks(q);
			phrase++;
			continue;
		}
		if (tolower((unsigned char)*q) != *phrase)
			return false;
		q++, phrase++;
	}
	if (isalnum((unsigned char)*q) || *q == '_')
		return false;
	*p = q;
	return true;
}

int pf_type_parse(const char *text, struct pf_type *type, bool *nullable,
		  struct pf_error *err)
{
	const char *p = skip_blanks(text);
	const char *word = p;
	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	size_t len = (size_t)(p - word);
	/* Lengths are not kept: CHAR, VARCHAR and BINARY hold any length here. */
	static const char *const sized[] = { "char", "varchar", "binary",
					     "varbinary" };
	const struct spelling *found = NULL;
	bool any_length = false;
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
		if (strlen(spellings[i].name) == len &&
		    !strncasecmp(word, spellings[i].name, len))
			found = &spellings[i];
	for (size_t i = 0; !found && i < 4; i++)
		if (strlen(sized[i]) == len && !strncasecmp(word, sized[i], len)) {
			any_length = true;
			found = &spellings[i < 2 ? 9 : 10];
		}
	if (!found)
		return pf_fail(err, PF_E_TYPE_NAME, "unknown type '%s'", text);
	unsigned long args[2] = { found->precision, found->scale };
	int nargs = 0;
	p = skip_blanks(p);
	if (*p == '(') {
		do {
			char *end;
			p = skip_blanks(p + 1);
			if (!isdigit((unsigned char)*p) || nargs == 2)
				return pf_fail(err, PF_E_TYPE_NAME,
					       "malformed type '%s'", text);
			args[nargs++] = strtoul(p, &end, 10);
			p = skip_blanks(end);
		} while (*p == ',');
		if (*p != ')')
			return pf_fail(err, PF_E_TYPE_NAME, "malformed type '%s'",
				       text);
		p++;
	}
	if (any_length)
		args[0] = args[1] = 0;
	else if (nargs > found->args || (found->args && args[0] > found->max) ||
		 (found->kind == PF_DECIMAL && (args[0] < 1 || args[1] > args[0])))
		return pf_fail(err, PF_E_TYPE_NAME,
			       "type '%s' is out of range%s", text,
			       pf_kind_is_timestamp(found->kind) ?
				       ": fractions of a second have 0 to 6 digits" :
				       "");
	*type = (struct pf_type){ .kind = found->kind,
				  .precision = (uint8_t)args[0],
				  .scale = (uint8_t)args[1] };
	if (type->kind == PF_TIMESTAMP && take_words(&p, "with local time zone"))
		type->kind = PF_TIMESTAMP_LTZ;
	else if (type->kind == PF_TIMESTAMP)
		(void)take_words(&p, "without time zone");
	bool required = take_words(&p, "not null");
	if (!required)
		(void)take_words(&p, "null");
	if (*skip_blanks(p))
		return pf_fail(err, PF_E_TYPE_NAME,
			       "cannot understand '%s' behind the type in '%s'",
			       skip_blanks(p), text);
	if (nullable)
		*nullable = !required;
	return 0;
}

char *pf_type_name(struct pf_type type, char *out)
{
	const char *name = "?";
	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
		if (spellings[i].kind == type.kind) {
			name = spellings[i].name;
			break;
		}
	if (type.kind == PF_DECIMAL)
		snprintf(out, 40, "%s(%u,%u)", name, type.precision, type.scale);
	else if (type.kind == PF_TIME || pf_kind_is_timestamp(type.kind))
		snprintf(out, 40, "%s(%u)", name, type.precision);
	else
		snprintf(out, 40, "%s", name);
	return out;
}

char *pf_type_paimon_name(struct pf_type type, char *out)
{
	if (type.kind == PF_TIMESTAMP_LTZ) {
		snprintf(out, 40, "TIMESTAMP(%u) WITH LOCAL TIME ZONE",
			 type.precision);
		return out;
	}
	if (type.kind == PF_DECIMAL) {
		snprintf(out, 40, "DECIMAL(%u, %u)", type.precision, type.scale);
		return out;
	}
	pf_type_name(type, out);
	for (char *p = out; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return out;
}
