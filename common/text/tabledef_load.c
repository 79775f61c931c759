/* SPDX-License-Identifier: Apache-2.0 */
#include "text/tabledef_load.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/near.h"

int pf_def_refuse(const struct pf_def_load *l, unsigned line, const char *fmt, ...)
{
	char text[512], name[256];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	pf_quote(name, sizeof name, l->name, strlen(l->name));
	if (!line)
		return pf_fail(l->err, PF_E_SCHEMA_FILE, "%s: %s", name, text);
	return pf_fail(l->err, PF_E_SCHEMA_FILE, "%s:%u: %s", name, line, text);
}

int pf_def_placed(const struct pf_def_load *l, unsigned line, int code)
{
	if (code) {
		pf_context(l->err, "%s:%u", l->name, line);
		if (l->err)
			l->err->code = PF_E_SCHEMA_FILE;
	}
	return code ? PF_E_SCHEMA_FILE : 0;
}

static int unknown_key(const struct pf_def_load *l, const struct pf_yaml *node,
		       const char *where, const char *const *keys, size_t n)
{
	char shown[96];
	pf_quote(shown, sizeof shown, node->key, strlen(node->key));
	pf_def_refuse(l, node->key_line, "unknown key '%s' in %s", shown, where);
	const char *near = pf_near_of(node->key, keys, n);
	if (near)
		return pf_hint(l->err, "did you mean '%s'?", near);
	struct pf_buf list = { 0 };
	for (size_t i = 0; i < n; i++)
		pf_buf_printf(&list, "%s%s", i ? ", " : "", keys[i]);
	pf_hint(l->err, "known are: %s", pf_buf_cstr(&list));
	pf_buf_free(&list);
	return PF_E_SCHEMA_FILE;
}

int pf_def_keys(const struct pf_def_load *l, const struct pf_yaml *map,
		const char *where, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < map->n; i++) {
		bool known = false;
		for (size_t k = 0; k < n && !known; k++)
			known = !strcmp(map->items[i].key, keys[k]);
		if (!known)
			return unknown_key(l, &map->items[i], where, keys, n);
	}
	return 0;
}

int pf_def_word(const struct pf_def_load *l, const struct pf_yaml *map,
		const char *key, const char **out)
{
	const struct pf_yaml *node = pf_yaml_get(map, key);
	*out = NULL;
	if (!node)
		return 0;
	if (node->kind != PF_YAML_SCALAR)
		return pf_def_refuse(l, node->line, "'%s' must be a single value", key);
	if (!*node->text)
		return pf_def_refuse(l, node->line, "'%s' is empty", key);
	*out = node->text;
	return 0;
}

int pf_def_copy(const struct pf_def_load *l, const struct pf_yaml *map,
		const char *key, char **out)
{
	const char *text;
	PF_TRY(pf_def_word(l, map, key, &text));
	if (text)
		*out = pf_strdup(text);
	return 0;
}

int pf_def_bool(const struct pf_def_load *l, const struct pf_yaml *node, bool *out)
{
	static const char *const yes[] = { "true", "yes", "on" };
	static const char *const no[] = { "false", "no", "off" };
	for (size_t i = 0; node->kind == PF_YAML_SCALAR && i < 3; i++) {
		if (!strcmp(node->text, yes[i]) || !strcmp(node->text, no[i])) {
			*out = !strcmp(node->text, yes[i]);
			return 0;
		}
	}
	return pf_def_refuse(l, node->line, "'%s' must be true or false", node->key);
}

int pf_def_words(const struct pf_def_load *l, const struct pf_yaml *node,
		 char ***out, size_t *n)
{
	const struct pf_yaml *items = node->kind == PF_YAML_SCALAR ? node :
								     node->items;
	*n = 0;
	if (node->kind == PF_YAML_MAPPING)
		return pf_def_refuse(l, node->line, "'%s' must be a value or a list",
			      node->key);
	size_t count = node->kind == PF_YAML_SCALAR ? 1 : node->n;
	*out = pf_zalloc(count + 1, sizeof **out);
	for (size_t i = 0; i < count; i++) {
		if (items[i].kind != PF_YAML_SCALAR)
			return pf_def_refuse(l, items[i].line,
				      "'%s' must be a list of plain values", node->key);
		(*out)[(*n)++] = pf_strdup(items[i].text);
	}
	return 0;
}

int pf_def_regex(const struct pf_def_load *l, unsigned line, const char *key,
		 const char *text, size_t *groups)
{
	regex_t regex;
	int bad = regcomp(&regex, text, REG_EXTENDED | REG_NEWLINE);
	if (bad) {
		char why[128];
		regerror(bad, &regex, why, sizeof why);
		return pf_def_refuse(l, line, "'%s' is no regular expression: %s", key, why);
	}
	if (groups)
		*groups = regex.re_nsub;
	regfree(&regex);
	return 0;
}

/* What takes lines apart: the pattern's groups are named by the header. */

int pf_def_column(const struct pf_def_load *l, unsigned line, const char *what,
		  const char *name, struct pf_coldef **column)
{
	const struct pf_tabledef *def = l->def;
	const char **names = pf_alloc(def->n + 1, sizeof *names);
	int code = 0;
	*column = NULL;
	for (size_t i = 0; i < def->n; i++) {
		names[i] = def->columns[i].name;
		if (!strcmp(names[i], name))
			*column = &def->columns[i];
	}
	if (!*column) {
		const char *near = pf_near_of(name, names, def->n);
		code = pf_def_refuse(l, line, "'%s' names the column '%s', which is not there",
				     what, name);
		if (near)
			pf_hint(l->err, "did you mean '%s'?", near);
	}
	free(names);
	return code;
}
