/* SPDX-License-Identifier: Apache-2.0
 *
 * The definition of a table: what its columns are, which of them are the
 * entity ID and the event time, how rows are laid out, and how each value is
 * found in text input. Written in YAML by a person (pf-schema(5), design
 * section 5), or guessed (text/guess.h) and then edited.
 *
 * A definition is checked completely when it is read: whatever the table could
 * refuse is refused here, with the line and the nearest word. It is immutable
 * afterwards.
 */
#ifndef PF_TEXT_TABLEDEF_H
#define PF_TEXT_TABLEDEF_H

#include "arrow/layout.h"
#include "arrow/schema.h"

enum pf_text_format {
	PF_TEXT_AUTO, /* not said: by the file's name or first bytes */
	PF_TEXT_CSV,
	PF_TEXT_TSV,
	PF_TEXT_JSONL,
	PF_TEXT_JSON, /* one array of objects */
	PF_TEXT_LINES, /* lines that a regular expression takes apart */
	/* Change streams: a message a line says what became of rows. */
	PF_TEXT_DEBEZIUM,
	PF_TEXT_CANAL,
	PF_TEXT_MAXWELL,
};

static inline bool pf_text_format_changes(enum pf_text_format format)
{
	return format >= PF_TEXT_DEBEZIUM;
}

/* Before a path: from the message of a change stream, not from the row in it. */
#define PF_ENVELOPE "^."

enum pf_text_header {
	PF_HEADER_AUTO,  /* not said: the first line of CSV and TSV */
	PF_HEADER_LINE,  /* the first line */
	PF_HEADER_NONE,  /* none: columns in the definition's order, or #N */
	PF_HEADER_NAMES, /* none: the names are given here */
	PF_HEADER_ZEEK,  /* the line that begins with #fields */
};

/* Names of formats as in `format:` and -I: "csv" ... "json". */
const char *pf_text_format_name(enum pf_text_format format);
int pf_text_format_parse(const char *name, enum pf_text_format *format,
			 struct pf_error *err);

struct pf_text_input {
	enum pf_text_format format;
	enum pf_text_header header;
	char **names; /* PF_HEADER_NAMES */
	size_t nnames;
	char delimiter; /* '\0': ',' or tab, by format */
	char quote;     /* '\0': none; default '"' for csv, none for tsv */
	bool has_quote; /* said explicitly */
	bool escapes;   /* backslash escapes in fields (\t \n \r \\ \xHH) */
	char *comment;  /* lines that begin so are skipped, or NULL */
	char *pattern;  /* PF_TEXT_LINES: extended regular expression; its groups
			 * are the fields */
	/* Of change streams: extended regular expressions on the whole name of the
	 * database and the table whose messages count, or NULL: all do. */
	char *database, *table;
};

struct pf_coldef {
	char *name;
	struct pf_type type;
	bool nullable;
	/* Where the value comes from. Without `from`: the column's own name.
	 * Several sources are joined by a blank. "#N" is the N-th field, from
	 * 1; in JSON, dots go into objects ("\." is a dot of the name). */
	char **from;
	size_t nfrom;
	bool from_filename;
	char *match;    /* extended regular expression on the file's name */
	char *format;   /* of times; NULL: iso */
	int year;       /* of times whose format has none; 0: not said */
	char *zone;     /* of times without offset; NULL: the table's */
	char **nulls;   /* NULL: the table's */
	size_t nnulls;
	bool has_nulls;
	bool round_down;
	char *aggregate;  /* what a table of aggregates does with its values, or NULL */
	bool is_kind;     /* not a column of the table: the kind of the row */
	char *was;        /* the column's name before; NULL: none. Only a change of
			   * a table's schema asks for it; the canonical text
			   * leaves it out */
	int32_t field_id; /* the position, or what the table's schema says */
	unsigned line;  /* in the YAML, 0: not from there */
};

struct pf_tabledef {
	char *table; /* "" when not given */
	char *id, *time;
	char *zone; /* "UTC" */
	enum pf_grain grain;
	int32_t buckets;
	struct pf_text_input input;
	char **nulls; /* markers of all columns; when not given: the empty field */
	size_t nnulls;
	bool has_nulls;
	struct pf_coldef *columns;
	size_t n;
	/* Of tables whose rows are updated; none: rows are only added. */
	char **primary_key; /* without the generated column */
	size_t nprimary_key;
	char **sequence;    /* columns that say which version of a row is newer */
	size_t nsequence;
	char *merge;        /* what becomes of the versions; NULL: no primary key */
	struct pf_meta options; /* of merging, by Paimon's names, besides the
				 * columns' aggregates */
	char *row_kind;     /* where a row's kind (+I -U +U -D) is found, or NULL: the
			     * last of columns is then PF_KIND_COLUMN */
	char *row_delete;   /* extended regular expression: where row_kind's text matches,
			     * the row is deleted, elsewhere inserted; NULL: the
			     * text is a kind */
	uint8_t kinds_refused; /* bits, by enum pf_row_kind: rows that its rules cannot
				* make sense of (keyed/rules.h) */
	bool wants_before; /* an update must say what the row was before it */
	int id_column, time_column;
	bool has_partition_id; /* of a table that exists: the generated column's */
	int32_t partition_id;
	char *text; /* see pf_tabledef_text */
};

/* Parse YAML; name is the file's, for messages (PF_E_SCHEMA_FILE). */
int pf_tabledef_parse(const char *yaml, size_t len, const char *name,
		      struct pf_tabledef **def, struct pf_error *err);
int pf_tabledef_load(const char *path, struct pf_tabledef **def,
		     struct pf_error *err);
void pf_tabledef_free(struct pf_tabledef *def); /* NULL is fine */

/* The definition of a table that exists already (-T TABLE, a stage's stream):
 * columns by name, input as the defaults are. The generated column dt is left
 * out. Fails when the layout metadata are missing. */
int pf_tabledef_from_schema(const struct pf_schema *schema,
			    struct pf_tabledef **def, struct pf_error *err);

/* Let the rows have kinds, as change streams need it: adds PF_KIND_COLUMN where
 * there is no row_kind yet. PF_E_SCHEMA_FILE without a primary key. For a
 * definition that nobody uses yet. */
int pf_tabledef_take_kinds(struct pf_tabledef *def, const char *name,
			   struct pf_error *err);

/* The canonical YAML: the same definition gives the same text whatever its
 * layout was, and parsing it gives the same definition. Owned by def. */
const char *pf_tabledef_text(const struct pf_tabledef *def);

/* The options of merging, the columns' aggregates among them. */
void pf_tabledef_options(const struct pf_tabledef *def, struct pf_meta *options);

/* The columns in order with the layout as metadata (arrow/layout.h), without the
 * generated column dt. A new reference. */
struct pf_schema *pf_tabledef_schema(const struct pf_tabledef *def);

#endif
