/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that take others away: can a table of that definition make sense of them,
 * and does it need them of an update?
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arrow/layout.h"
#include "base/alloc.h"
#include "text/tabledef_load.h"

/* Can what was made of a column's values do without one of them? */
static bool takes_back(const struct pf_tabledef *def, const struct pf_meta *options,
		       const struct pf_coldef *c)
{
	bool partial = !strcmp(def->merge, "partial-update"), is_sequence = false;
	const char *function = pf_option_of_field(options, c->name, "aggregate-function");
	const char *ignore = pf_option_of_field(options, c->name, "ignore-retract");
	if (!function)
		function = pf_meta_get(options, "fields.default-aggregate-function");
	for (size_t i = 0; i < def->nsequence && !partial; i++)
		is_sequence |= !strcmp(def->sequence[i], c->name);
	if (is_sequence || !function)
		function = "last_value";
	if (pf_def_is_key(def, c->name) || (ignore && !strcasecmp(ignore, "true")))
		return true;
	if (!strcmp(function, "last_value") || !strcmp(function, "last_non_null_value"))
		return c->nullable;
	return !strcmp(function, "sum") || !strcmp(function, "product");
}

static bool is_listed(const char *list, const char *name, size_t len)
{
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ",");
		if (n == len && !memcmp(p, name, n))
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

/* Is a column in a sequence group whose values are updated together? */
static bool is_grouped(const struct pf_meta *options, const char *column, bool *any)
{
	static const char ending[] = ".sequence-group";
	bool found = false;
	*any = false;
	for (size_t i = 0; i < options->n; i++) {
		const char *key = options->items[i].key;
		size_t len = strlen(key), tail = sizeof ending - 1;
		if (len <= tail || strcmp(key + len - tail, ending))
			continue;
		*any = true;
		found |= is_listed(options->items[i].value, column, strlen(column));
	}
	return found;
}

static bool ignores_deletes(const struct pf_tabledef *def, const struct pf_meta *options)
{
	char *own = pf_asprintf("%s.ignore-delete", def->merge);
	bool ignores = pf_option_is_on(options, "ignore-delete") ||
		       pf_option_is_on(options, own);
	free(own);
	return ignores;
}

/* The same answer as pf_rules_take(), before a row has been acknowledged. */
static uint8_t refused_kinds(const struct pf_tabledef *def)
{
	enum { BEFORE = 1 << PF_ROW_BEFORE, DELETE = 1 << PF_ROW_DELETE };
	struct pf_meta options = { 0 };
	bool partial = !strcmp(def->merge, "partial-update"), groups = false, can = true;
	uint8_t refused = BEFORE | DELETE;
	if (!strcmp(def->merge, "deduplicate"))
		return 0;
	pf_tabledef_options(def, &options);
	for (size_t i = 0; i < def->n && strcmp(def->merge, "first-row"); i++) {
		if (def->columns[i].is_kind)
			continue;
		bool grouped = is_grouped(&options, def->columns[i].name, &groups);
		can = can && ((partial && !grouped) ||
			      takes_back(def, &options, &def->columns[i]));
	}
	bool removes = pf_option_is_on(&options, "partial-update.remove-record-on-delete");
	if (strcmp(def->merge, "first-row") && can && (!partial || groups || removes))
		refused = 0;
	if (removes || pf_option_is_on(&options, "aggregation.remove-record-on-delete"))
		refused &= (uint8_t)~DELETE;
	if (pf_option_is_on(&options, "ignore-update-before"))
		refused &= (uint8_t)~BEFORE;
	if (ignores_deletes(def, &options))
		refused = 0;
	pf_meta_free(&options);
	return refused;
}

/* Where old values are to be taken away, and where rows are kept as they came for
 * those who follow the table; as Flink's writer of Paimon asks for them. */
static bool wants_before(const struct pf_tabledef *def)
{
	static const char ending[] = ".aggregate-function";
	struct pf_meta options = { 0 };
	pf_tabledef_options(def, &options);
	const char *producer = pf_meta_get(&options, "changelog-producer");
	bool partial = !strcmp(def->merge, "partial-update");
	bool wants = !strcmp(def->merge, "aggregation") ||
		     (producer && !strcmp(producer, "input"));
	for (size_t i = 0; i < options.n && partial && !wants; i++) {
		const char *key = options.items[i].key;
		size_t len = strlen(key), tail = sizeof ending - 1;
		wants = !strcmp(key, "fields.default-aggregate-function") ||
			(len > tail && !strcmp(key + len - tail, ending));
	}
	wants = wants && !pf_option_is_on(&options, "ignore-update-before") &&
		!ignores_deletes(def, &options);
	pf_meta_free(&options);
	return wants;
}

void pf_def_kinds(struct pf_tabledef *def)
{
	if (!def->nprimary_key)
		return;
	def->kinds_refused = refused_kinds(def);
	def->wants_before = wants_before(def);
}
