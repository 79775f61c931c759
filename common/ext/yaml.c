/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"

enum { DEEPEST = 16 };

struct load {
	yaml_parser_t parser;
	const char *name;
	struct pf_error *err;
};

static unsigned line_of(const yaml_mark_t *mark)
{
	return (unsigned)mark->line + 1;
}

static int refuse(struct load *l, unsigned line, const char *what)
{
	return pf_fail(l->err, PF_E_SCHEMA_FILE, "%s:%u: %s", l->name, line, what);
}

static int next_event(struct load *l, yaml_event_t *event)
{
	if (yaml_parser_parse(&l->parser, event))
		return 0;
	const yaml_parser_t *p = &l->parser;
	const char *problem = p->problem ? p->problem : "malformed";
	char shown[256];
	pf_quote(shown, sizeof shown, problem, strlen(problem));
	unsigned line = p->error == YAML_READER_ERROR ? 1 : line_of(&p->problem_mark);
	return pf_fail(l->err, PF_E_SCHEMA_FILE, "%s:%u: not YAML: %s",
		       l->name, line, shown);
}

static struct pf_yaml *add_item(struct pf_yaml *parent)
{
	parent->items = pf_realloc(parent->items, parent->n + 1,
				   sizeof *parent->items);
	struct pf_yaml *item = &parent->items[parent->n++];
	*item = (struct pf_yaml){ 0 };
	return item;
}

static int scalar_text(struct load *l, const yaml_event_t *event, char **text)
{
	size_t len = event->data.scalar.length;
	const char *value = (const char *)event->data.scalar.value;
	if (memchr(value, 0, len))
		return refuse(l, line_of(&event->start_mark), "a NUL character");
	*text = pf_strndup(value, len);
	return 0;
}

static int fill(struct load *l, yaml_event_t *event, struct pf_yaml *node,
		unsigned depth);

static int fill_sequence(struct load *l, struct pf_yaml *node, unsigned depth)
{
	for (;;) {
		yaml_event_t event;
		PF_TRY(next_event(l, &event));
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		int code = fill(l, &event, add_item(node), depth + 1);
		yaml_event_delete(&event);
		if (code)
			return code;
	}
}

static int fill_member(struct load *l, yaml_event_t *key, struct pf_yaml *node,
		       unsigned depth)
{
	unsigned line = line_of(&key->start_mark);
	if (key->type != YAML_SCALAR_EVENT || key->data.scalar.anchor ||
	    key->data.scalar.tag)
		return refuse(l, line, "a key must be a plain word");
	char *text = NULL;
	PF_TRY(scalar_text(l, key, &text));
	if (pf_yaml_get(node, text)) {
		int code = pf_fail(l->err, PF_E_SCHEMA_FILE,
				   "%s:%u: '%s' is given twice", l->name, line,
				   text);
		free(text);
		return code;
	}
	struct pf_yaml *item = add_item(node);
	item->key = text;
	item->key_line = line;
	yaml_event_t value;
	PF_TRY(next_event(l, &value));
	int code = fill(l, &value, item, depth + 1);
	yaml_event_delete(&value);
	return code;
}

static int fill_mapping(struct load *l, struct pf_yaml *node, unsigned depth)
{
	for (;;) {
		yaml_event_t event;
		PF_TRY(next_event(l, &event));
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		int code = fill_member(l, &event, node, depth);
		yaml_event_delete(&event);
		if (code)
			return code;
	}
}

/* Recursion is as deep as DEEPEST. */
static int fill(struct load *l, yaml_event_t *event, struct pf_yaml *node,
		unsigned depth)
{
	node->line = line_of(&event->start_mark);
	if (depth > DEEPEST)
		return refuse(l, node->line, "nested too deeply");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (event->data.scalar.anchor || event->data.scalar.tag)
			return refuse(l, node->line,
				      "anchors and tags are not supported");
		node->kind = PF_YAML_SCALAR;
		node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		return scalar_text(l, event, &node->text);
	case YAML_SEQUENCE_START_EVENT:
		if (event->data.sequence_start.anchor ||
		    event->data.sequence_start.tag)
			return refuse(l, node->line,
				      "anchors and tags are not supported");
		node->kind = PF_YAML_SEQUENCE;
		return fill_sequence(l, node, depth);
	case YAML_MAPPING_START_EVENT:
		if (event->data.mapping_start.anchor ||
		    event->data.mapping_start.tag)
			return refuse(l, node->line,
				      "anchors and tags are not supported");
		node->kind = PF_YAML_MAPPING;
		return fill_mapping(l, node, depth);
	default:
		return refuse(l, node->line, "aliases are not supported");
	}
}

/* STREAM-START, DOCUMENT-START, the root, DOCUMENT-END, STREAM-END. */
static int load_document(struct load *l, struct pf_yaml *root)
{
	bool seen = false;
	yaml_event_type_t type = YAML_NO_EVENT;
	while (type != YAML_STREAM_END_EVENT) {
		yaml_event_t event;
		PF_TRY(next_event(l, &event));
		int code = 0;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT) {
			if (seen)
				code = refuse(l, line_of(&event.start_mark),
					      "only one document is expected");
			seen = true;
		} else if (type != YAML_STREAM_START_EVENT &&
			   type != YAML_DOCUMENT_END_EVENT &&
			   type != YAML_STREAM_END_EVENT) {
			code = fill(l, &event, root, 0);
		}
		yaml_event_delete(&event);
		if (code)
			return code;
	}
	if (!seen) {
		root->text = pf_strdup("");
		root->plain = true;
		root->line = 1;
	}
	return 0;
}

int pf_yaml_parse(const char *text, size_t len, const char *name,
		  struct pf_yaml **root, struct pf_error *err)
{
	*root = NULL;
	if (len > PF_YAML_LIMIT_BYTES)
		return pf_fail(err, PF_E_SCHEMA_FILE,
			       "'%s' is too long for a definition (%zu bytes)", name,
			       len);
	struct pf_error local = { 0 };
	struct load l = { .name = name, .err = &local };
	if (!yaml_parser_initialize(&l.parser))
		(void)pf_mul((size_t)-1, 2);
	yaml_parser_set_input_string(&l.parser, (const unsigned char *)text, len);
	struct pf_yaml *node = pf_zalloc(1, sizeof *node);
	int code = load_document(&l, node);
	yaml_parser_delete(&l.parser);
	if (code) {
		if (err)
			*err = local;
		pf_yaml_free(node);
		return code;
	}
	*root = node;
	return 0;
}

static void clear(struct pf_yaml *node)
{
	for (size_t i = 0; i < node->n; i++)
		clear(&node->items[i]);
	free(node->items);
	free(node->key);
	free(node->text);
}

void pf_yaml_free(struct pf_yaml *root)
{
	if (!root)
		return;
	clear(root);
	free(root);
}

const struct pf_yaml *pf_yaml_get(const struct pf_yaml *mapping, const char *key)
{
	if (mapping->kind != PF_YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->n; i++)
		if (mapping->items[i].key && !strcmp(mapping->items[i].key, key))
			return &mapping->items[i];
	return NULL;
}

bool pf_yaml_is_null(const struct pf_yaml *node)
{
	return !node || (node->kind == PF_YAML_SCALAR && node->plain &&
			 (!*node->text || !strcmp(node->text, "~") ||
			  !strcmp(node->text, "null")));
}
