/* SPDX-License-Identifier: Apache-2.0
 *
 * The columns' paths as a tree of keys.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text/json_rows.h"

static int compare_key(const struct pf_json_node *n, const void *key, size_t len)
{
	if (n->key_len != len)
		return n->key_len < len ? -1 : 1;
	return memcmp(n->key, key, len);
}

struct pf_json_node *pf_json_child(const struct pf_json_node *n, const void *key,
				   size_t len)
{
	size_t low = 0, high = n->nchildren;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = compare_key(n->children[middle], key, len);
		if (!c)
			return n->children[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static struct pf_json_node *add_child(struct pf_json_node *n, const char *key, size_t len)
{
	struct pf_json_node *child = pf_json_child(n, key, len);
	if (child)
		return child;
	child = pf_zalloc(1, sizeof *child);
	child->key = pf_strndup(key, len);
	child->key_len = len;
	n->children = pf_realloc(n->children, n->nchildren + 1, sizeof *n->children);
	size_t at = n->nchildren++;
	for (; at && compare_key(n->children[at - 1], key, len) > 0; at--)
		n->children[at] = n->children[at - 1];
	n->children[at] = child;
	return child;
}

/* "actor.id" is id in actor; "\." is a dot; "$." in front is the row itself. */
static int add_path(struct pf_json_rows *j, struct pf_json_node *root,
		    const struct pf_coldef *c, const char *path, struct pf_json_sink sink,
		    struct pf_error *err)
{
	struct pf_json_node *n = root;
	if (path[0] == '$' && path[1] == '.') {
		path += 2;
	} else if (!strncmp(path, PF_ENVELOPE, 2) && j->changes) {
		path += 2;
		n = &j->envelope;
	}
	int depth = 0;
	for (const char *p = path;;) {
		j->key.len = 0;
		for (; *p && *p != '.'; p++) {
			if (*p == '\\' && (p[1] == '.' || p[1] == '\\'))
				p++;
			pf_buf_byte(&j->key, (uint8_t)*p);
		}
		if (!j->key.len || ++depth > PF_JSON_DEEPEST_PATH)
			return pf_fail(err, PF_E_SCHEMA_FILE,
				       "the column '%s' has a malformed path '%s'",
				       c->name, path);
		n = add_child(n, (const char *)j->key.data, j->key.len);
		if (!*p++)
			break;
	}
	n->sinks = pf_realloc(n->sinks, n->nsinks + 1, sizeof *n->sinks);
	n->sinks[n->nsinks++] = sink;
	return 0;
}

/* Where a value is for one column and nothing else, it can go the short way. */
void pf_json_tree_ready(struct pf_json_rows *j, struct pf_json_node *n)
{
	if (n->nsinks == 1 && !n->nchildren && n->sinks[0].part == PF_JSON_WHOLE) {
		n->column = n->sinks[0].column;
		bool coded = j->codings && j->codings[n->column].kind;
		n->fast = coded ? PF_FAST_NONE : j->text->conv[n->column].fast;
	}
	for (size_t i = 0; i < n->nchildren; i++)
		pf_json_tree_ready(j, n->children[i]);
}

int pf_json_tree_add(struct pf_json_rows *j, struct pf_json_node *root, uint32_t i,
		     struct pf_error *err)
{
	const struct pf_coldef *c = &j->text->def->columns[i];
	/* The kind of a row is what its message says. */
	if (c->from_filename || (c->is_kind && j->changes))
		return 0;
	if (c->nfrom <= 1)
		return add_path(j, root, c, c->nfrom ? c->from[0] : c->name,
				(struct pf_json_sink){ i, PF_JSON_WHOLE }, err);
	if (c->nfrom > PF_JSON_MOST_PARTS)
		return pf_fail(err, PF_E_SCHEMA_FILE,
			       "the column '%s' is made of more than %d values",
			       c->name, PF_JSON_MOST_PARTS);
	if (!j->parts[i])
		j->parts[i] = pf_zalloc(c->nfrom, sizeof *j->parts[i]);
	for (size_t k = 0; k < c->nfrom; k++)
		PF_TRY(add_path(j, root, c, c->from[k], (struct pf_json_sink){ i, (int)k },
				err));
	return 0;
}

int pf_json_tree_open(struct pf_json_rows *j, struct pf_error *err)
{
	for (size_t i = 0; i < j->text->def->n; i++)
		PF_TRY(pf_json_tree_add(j, &j->root, (uint32_t)i, err));
	pf_json_tree_ready(j, &j->root);
	pf_json_tree_ready(j, &j->envelope);
	return 0;
}

/* Recursion is as deep as the paths. */
void pf_json_tree_free(struct pf_json_node *n)
{
	for (size_t i = 0; i < n->nchildren; i++) {
		pf_json_tree_free(n->children[i]);
		free(n->children[i]);
	}
	free(n->children);
	free(n->guesses);
	free(n->sinks);
	free(n->key);
}

void pf_json_tree_close(struct pf_json_rows *j)
{
	pf_json_tree_free(&j->root);
	pf_json_tree_free(&j->envelope);
}
