/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages of Debezium, Canal and Maxwell: which of their members hold rows,
 * and what became of these.
 */
#include <stdio.h>
#include <string.h>

#include "text/changes_impl.h"

#define SCHEMA_LIMIT ((size_t)1 << 20)

static bool is(struct pf_view v, const char *text)
{
	size_t len = strlen(text);
	return v.len == len + 2 && *v.data == '"' && !memcmp(v.data + 1, text, len);
}

static bool is_object(struct pf_view v)
{
	return v.data && *v.data == '{';
}

static bool is_absent(struct pf_view v)
{
	return !v.data || *v.data == 'n';
}

static struct pf_image image_of(struct pf_view object)
{
	return (struct pf_image){ .objects = { object }, .n = 1 };
}

/* The object was checked as a whole before. */
static void members(struct pf_changes *c, struct pf_view object,
		    const struct pf_member *wanted, size_t n)
{
	if (is_object(object))
		pf_json_members(&c->j->scan, object.data, wanted, n, &c->scratch);
}

static bool unknown_type(struct pf_changes *c, const char *what, struct pf_view type)
{
	char shown[64], reason[160];
	if (!type.data)
		snprintf(reason, sizeof reason, "the message has no '%s'", what);
	else
		snprintf(reason, sizeof reason, "the message's '%s' is %s, which is not known",
			 what, pf_quote(shown, sizeof shown, type.data, type.len));
	return pf_changes_refuse(c, reason);
}

static const char no_old[] =
	"the values before the update are not in the message: 'old' is missing";

static bool refuse_truncation(struct pf_changes *c)
{
	return pf_changes_refuse(c, "the table was truncated, which rows cannot say: "
				 "delete them, or make the table anew");
}

/* --- Debezium --- */

/* What the schema part says goes for the message. Mostly it is the one before's. */
static bool take_schema(struct pf_changes *c, struct pf_view schema)
{
	struct pf_json_rows *j = c->j;
	struct pf_error err = { 0 };
	if (!is_object(schema))
		schema.len = 0;
	bool same = schema.len == c->schema.len &&
		    (!schema.len || !memcmp(schema.data, c->schema.data, schema.len));
	if (same)
		return true;
	c->schema.len = 0;
	pf_codings_clear(c->codings, c->def->n);
	if (schema.len > SCHEMA_LIMIT)
		return pf_changes_refuse(c, "the message's schema is larger than 1 MiB");
	if (schema.len && pf_connect_codings(c->def, schema, c->codings, &err)) {
		pf_json_complain(j, PF_E_JSON, NULL, err.message);
		return false;
	}
	pf_buf_add(&c->schema, schema.data, schema.len);
	pf_json_tree_ready(j, &j->root);
	pf_json_tree_ready(j, &c->keys);
	return true;
}

static bool debezium_row(struct pf_changes *c, struct pf_view op, struct pf_view before,
			 struct pf_view after)
{
	static const struct pf_image none;
	struct pf_image was = is_object(before) ? image_of(before) : none;
	const struct pf_image becomes = image_of(after);
	if (was.n && is(op, "u")) { /* some send only what has changed */
		was = becomes;
		was.objects[was.n++] = before;
	}
	if (is(op, "d"))
		return was.n ? pf_changes_delete(c, &was) :
			pf_changes_refuse(c, "the deleted row is not in the message: 'before' is missing "
					  "(Postgres sends it with REPLICA IDENTITY)");
	if (!is_object(after))
		return pf_changes_refuse(c, "the row is not in the message: 'after' is missing");
	return is(op, "u") ? pf_changes_update(c, &was, &becomes) :
			     pf_changes_insert(c, &becomes);
}

bool pf_changes_debezium(struct pf_changes *c, const uint8_t *p)
{
	struct pf_view before = { 0 }, after = { 0 }, op = { 0 }, source = { 0 }, ddl = { 0 };
	struct pf_view payload = { 0 }, schema = { 0 }, database = { 0 }, table = { 0 };
	struct pf_view tables = { 0 };
	const struct pf_member wrapping[] = { { "payload", &payload }, { "schema", &schema },
					      { "op", &op } };
	const struct pf_member wanted[] = { { "before", &before }, { "after", &after },
					    { "op", &op }, { "source", &source },
					    { "ddl", &ddl }, { "tableChanges", &tables } };
	const struct pf_member names[] = { { "db", &database }, { "table", &table } };
	struct pf_view message = pf_view_of(p, 1);
	members(c, message, wrapping, 3);
	if (payload.data && !op.data) {
		if (is_absent(payload)) {
			c->passed.empty++;
			return true;
		}
		message = payload;
	} else {
		schema = (struct pf_view){ 0 };
	}
	members(c, message, wanted, 6);
	members(c, source, names, 2);
	if (!pf_changes_concern(c, database, table))
		return true;
	if (!op.data && (!is_absent(ddl) || tables.data))
		return pf_changes_schema(c, database, table,
					 is_absent(ddl) ? pf_view_str("\"tableChanges\"") : ddl);
	if (is(op, "t"))
		return refuse_truncation(c);
	if (is(op, "m")) { /* what an application wrote into Postgres' log */
		c->passed.empty++;
		return true;
	}
	if (!is(op, "c") && !is(op, "r") && !is(op, "u") && !is(op, "d"))
		return unknown_type(c, "op", op);
	c->message = message.data;
	return take_schema(c, schema) && debezium_row(c, op, before, after);
}

/* --- Canal --- */

static bool canal_rows(struct pf_changes *c, struct pf_view type, struct pf_view data,
		       struct pf_view old)
{
	bool update = is(type, "UPDATE"), delete = is(type, "DELETE");
	const struct pf_json_scan *s = &c->j->scan;
	const uint8_t *p = data.data, *q = old.data;
	if (is_absent(data) || *data.data != '[')
		return pf_changes_refuse(c, "the rows are not in the message: 'data' is missing");
	if (update && (is_absent(old) || *old.data != '['))
		return pf_changes_refuse(c, no_old);
	for (; pf_json_element(s, &p); p = pf_json_skip(&c->j->scan, p)) {
		struct pf_image after = image_of(pf_view_of(p, 1)), before = after;
		if (!is_object(after.objects[0]))
			return pf_changes_refuse(c, "an element of 'data' is no object");
		if (update) {
			if (!pf_json_element(s, &q) || *q != '{')
				return pf_changes_refuse(c, "'old' has not an object for each of 'data'");
			before.objects[before.n++] = pf_view_of(q, 1);
			q = pf_json_skip(&c->j->scan, q);
		}
		if (!(update ? pf_changes_update(c, &before, &after) :
		      delete ? pf_changes_delete(c, &after) : pf_changes_insert(c, &after)))
			return false;
	}
	return true;
}

bool pf_changes_canal(struct pf_changes *c, const uint8_t *p)
{
	struct pf_view data = { 0 }, old = { 0 }, type = { 0 }, ddl = { 0 }, sql = { 0 };
	struct pf_view database = { 0 }, table = { 0 };
	const struct pf_member wanted[] = { { "data", &data }, { "old", &old },
					    { "type", &type }, { "isDdl", &ddl },
					    { "sql", &sql }, { "database", &database },
					    { "table", &table } };
	members(c, pf_view_of(p, 1), wanted, 7);
	if (!pf_changes_concern(c, database, table))
		return true;
	if (is(type, "TRUNCATE"))
		return refuse_truncation(c);
	if ((ddl.data && *ddl.data == 't') || is(type, "CREATE"))
		return pf_changes_schema(c, database, table, sql);
	if (!is(type, "INSERT") && !is(type, "INIT") && !is(type, "UPDATE") && !is(type, "DELETE"))
		return unknown_type(c, "type", type);
	return canal_rows(c, type, data, old);
}

/* --- Maxwell --- */

static bool is_schema_change(struct pf_view type)
{
	static const char *const types[] = { "table-create", "table-alter", "table-drop",
					     "database-create", "database-alter",
					     "database-drop" };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (is(type, types[i]))
			return true;
	return false;
}

bool pf_changes_maxwell(struct pf_changes *c, const uint8_t *p)
{
	struct pf_view data = { 0 }, old = { 0 }, type = { 0 }, sql = { 0 };
	struct pf_view database = { 0 }, table = { 0 };
	const struct pf_member wanted[] = { { "data", &data }, { "old", &old },
					    { "type", &type }, { "sql", &sql },
					    { "database", &database }, { "table", &table } };
	members(c, pf_view_of(p, 1), wanted, 6);
	if (!pf_changes_concern(c, database, table))
		return true;
	if (is(type, "bootstrap-start") || is(type, "bootstrap-complete")) {
		c->passed.empty++;
		return true;
	}
	if (is(type, "table-truncate"))
		return refuse_truncation(c);
	if (is_schema_change(type))
		return pf_changes_schema(c, database, table, is_absent(sql) ? type : sql);
	bool update = is(type, "update");
	if (!update && !is(type, "insert") && !is(type, "bootstrap-insert") && !is(type, "delete"))
		return unknown_type(c, "type", type);
	if (!is_object(data))
		return pf_changes_refuse(c, "the row is not in the message: 'data' is missing");
	struct pf_image after = image_of(data), before = after;
	if (!update)
		return is(type, "delete") ? pf_changes_delete(c, &after) :
					    pf_changes_insert(c, &after);
	if (!is_object(old))
		return pf_changes_refuse(c, no_old);
	before.objects[before.n++] = old;
	return pf_changes_update(c, &before, &after);
}
