/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML of configuration size (libyaml): table definitions, the configuration
 * file. A document becomes a tree of nodes that know their lines, so that a
 * message can say where. Scalars are text; what they mean is the caller's
 * business. Anchors, aliases, tags, several documents, keys that are not
 * scalars and duplicate keys are refused: none is needed, and each hides
 * mistakes.
 */
#ifndef PF_EXT_YAML_H
#define PF_EXT_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PF_YAML_LIMIT_BYTES ((size_t)4 << 20)

enum pf_yaml_kind { PF_YAML_SCALAR, PF_YAML_SEQUENCE, PF_YAML_MAPPING };

struct pf_yaml {
	enum pf_yaml_kind kind;
	unsigned line;  /* from 1 */
	char *key;      /* as member of a mapping, else NULL */
	unsigned key_line;
	char *text;     /* scalar; never holds a NUL byte */
	bool plain;     /* scalar without quotes: may mean null, true, a number */
	struct pf_yaml *items; /* elements or members, in order */
	size_t n;
};

/* One document; an empty one is a plain scalar "". PF_E_SCHEMA_FILE with name
 * and line. */
int pf_yaml_parse(const char *text, size_t len, const char *name,
		  struct pf_yaml **root, struct pf_error *err);
void pf_yaml_free(struct pf_yaml *root); /* NULL is fine */

/* Member of a mapping, NULL when there is none. */
const struct pf_yaml *pf_yaml_get(const struct pf_yaml *mapping, const char *key);

/* A plain ~, null or nothing at all. */
bool pf_yaml_is_null(const struct pf_yaml *node);

#endif
