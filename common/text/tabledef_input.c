/* SPDX-License-Identifier: Apache-2.0
 *
 * The member `input` of a table definition: how text looks.
 */
#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "text/tabledef_load.h"

static int one_character(const struct pf_def_load *l, const struct pf_yaml *node,
			 bool may_be_none, char *out)
{
	static const struct {
		const char *name;
		char value;
	} names[] = { { "tab", '\t' },	 { "comma", ',' }, { "semicolon", ';' },
		      { "pipe", '|' },	 { "blank", ' ' }, { "space", ' ' },
		      { "\\t", '\t' } };
	const char *text = node->kind == PF_YAML_SCALAR ? node->text : "";
	*out = '\0';
	if (may_be_none && !strcmp(text, "none"))
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(text, names[i].name))
			*out = names[i].value;
	if (strlen(text) == 1)
		*out = *text;
	if (!*out || (unsigned char)*out >= 0x80 || *out == '\n' || *out == '\r' ||
	    isalnum((unsigned char)*out))
		return pf_def_refuse(l, node->line,
			      "'%s' must be one character (ASCII, no letter or digit), or tab, comma, semicolon, pipe, blank%s",
			      node->key, may_be_none ? ", none" : "");
	return 0;
}

static int load_header(const struct pf_def_load *l, const struct pf_yaml *node,
		       struct pf_text_input *in)
{
	bool line = false;
	if (node->kind == PF_YAML_SEQUENCE) {
		in->header = PF_HEADER_NAMES;
		if (!node->n)
			return pf_def_refuse(l, node->line, "'header' is an empty list");
		return pf_def_words(l, node, &in->names, &in->nnames);
	}
	if (node->kind == PF_YAML_SCALAR && !strcmp(node->text, "zeek")) {
		in->header = PF_HEADER_ZEEK;
		return 0;
	}
	if (pf_def_bool(l, node, &line))
		return pf_def_refuse(l, node->line,
			      "'header' must be true, false, zeek, or the list of names");
	in->header = line ? PF_HEADER_LINE : PF_HEADER_NONE;
	return 0;
}

static int load_pattern(const struct pf_def_load *l, const struct pf_yaml *node,
			struct pf_text_input *in)
{
	PF_TRY(pf_def_copy(l, node, "pattern", &in->pattern));
	if (!in->pattern) {
		if (in->format == PF_TEXT_LINES)
			return pf_def_refuse(l, node->line, "'format: lines' needs a 'pattern'");
		return 0;
	}
	unsigned line = pf_yaml_get(node, "pattern")->line;
	if (in->format != PF_TEXT_LINES)
		return pf_def_refuse(l, line, "'pattern' goes with 'format: lines'");
	if (in->header == PF_HEADER_LINE || in->header == PF_HEADER_ZEEK ||
	    in->delimiter || in->has_quote)
		return pf_def_refuse(l, line,
			      "lines with a 'pattern' have no header line, delimiter or quote");
	size_t groups = 0;
	PF_TRY(pf_def_regex(l, line, "pattern", in->pattern, &groups));
	if (!groups)
		return pf_def_refuse(l, line, "'pattern' has no group: what stands in () becomes a field");
	if (in->header == PF_HEADER_NAMES && in->nnames != groups)
		return pf_def_refuse(l, line, "'pattern' has %zu groups and 'header' %zu names",
			      groups, in->nnames);
	if (in->header == PF_HEADER_AUTO)
		in->header = PF_HEADER_NONE;
	return 0;
}

/* Whose messages of a change stream count. */
static int load_origin(const struct pf_def_load *l, const struct pf_yaml *node,
		       const char *key, char **out)
{
	PF_TRY(pf_def_copy(l, node, key, out));
	return *out ? pf_def_regex(l, pf_yaml_get(node, key)->line, key, *out, NULL) : 0;
}

int pf_def_input(const struct pf_def_load *l, const struct pf_yaml *node)
{
	static const char *const keys[] = { "format", "delimiter", "header",
					    "comment", "quote", "escape",
					    "pattern", "database", "table" };
	struct pf_text_input *in = &l->def->input;
	if (node->kind != PF_YAML_MAPPING)
		return pf_def_refuse(l, node->line, "'input' must be a mapping");
	PF_TRY(pf_def_keys(l, node, "'input'", keys, sizeof keys / sizeof *keys));
	const char *text;
	PF_TRY(pf_def_word(l, node, "format", &text));
	if (text)
		PF_TRY(pf_def_placed(l, pf_yaml_get(node, "format")->line,
			      pf_text_format_parse(text, &in->format, l->err)));
	const struct pf_yaml *member = pf_yaml_get(node, "delimiter");
	if (member)
		PF_TRY(one_character(l, member, false, &in->delimiter));
	if ((member = pf_yaml_get(node, "quote"))) {
		PF_TRY(one_character(l, member, true, &in->quote));
		in->has_quote = true;
	}
	if ((member = pf_yaml_get(node, "header")))
		PF_TRY(load_header(l, member, in));
	PF_TRY(pf_def_copy(l, node, "comment", &in->comment));
	PF_TRY(load_pattern(l, node, in));
	PF_TRY(load_origin(l, node, "database", &in->database));
	PF_TRY(load_origin(l, node, "table", &in->table));
	PF_TRY(pf_def_word(l, node, "escape", &text));
	if (text && strcmp(text, "backslash") && strcmp(text, "none"))
		return pf_def_refuse(l, pf_yaml_get(node, "escape")->line,
			      "'escape' must be backslash or none");
	in->escapes = text && !strcmp(text, "backslash");
	if (in->delimiter && in->delimiter == in->quote)
		return pf_def_refuse(l, node->line, "'delimiter' and 'quote' are the same");
	return 0;
}
