/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/json.h"

#include <jansson.h>

#include "base/utf8.h"

static const json_t *in(const struct pf_json *v)
{
	return (const json_t *)(const void *)v;
}

static const struct pf_json *out_of(const json_t *v)
{
	return (const struct pf_json *)(const void *)v;
}

int pf_json_parse(const void *data, size_t len, const char *name,
		  struct pf_json **root, struct pf_error *err)
{
	json_error_t e;
	json_t *v = json_loadb(data, len,
			       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	*root = NULL;
	if (!v)
		return pf_fail(err, PF_E_JSON, "%s:%d:%d: %s", name, e.line,
			       e.column, e.text);
	*root = (struct pf_json *)(void *)v;
	return 0;
}

void pf_json_free(struct pf_json *root)
{
	json_decref((json_t *)(void *)root);
}

enum pf_json_kind pf_json_kind(const struct pf_json *v)
{
	if (!v)
		return PF_JSON_NULL;
	switch (json_typeof(in(v))) {
	case JSON_OBJECT:
		return PF_JSON_OBJECT;
	case JSON_ARRAY:
		return PF_JSON_ARRAY;
	case JSON_STRING:
		return PF_JSON_TEXT;
	case JSON_INTEGER:
		return PF_JSON_INT;
	case JSON_REAL:
		return PF_JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return PF_JSON_BOOL;
	case JSON_NULL:
		break;
	}
	return PF_JSON_NULL;
}

const struct pf_json *pf_json_get(const struct pf_json *v, const char *key)
{
	return v ? out_of(json_object_get(in(v), key)) : NULL;
}

size_t pf_json_size(const struct pf_json *v)
{
	if (!v)
		return 0;
	return json_is_object(in(v)) ? json_object_size(in(v))
				     : json_array_size(in(v));
}

const struct pf_json *pf_json_at(const struct pf_json *array, size_t i)
{
	return array ? out_of(json_array_get(in(array), i)) : NULL;
}

bool pf_json_each(const struct pf_json *object, void **iter, const char **key,
		  const struct pf_json **value)
{
	json_t *o = (json_t *)(void *)(uintptr_t)object;
	if (!o || !json_is_object(o))
		return false;
	*iter = *iter ? json_object_iter_next(o, *iter) : json_object_iter(o);
	if (!*iter)
		return false;
	*key = json_object_iter_key(*iter);
	*value = out_of(json_object_iter_value(*iter));
	return true;
}

bool pf_json_bool(const struct pf_json *v, bool *out)
{
	if (pf_json_kind(v) != PF_JSON_BOOL)
		return false;
	*out = json_is_true(in(v));
	return true;
}

bool pf_json_int(const struct pf_json *v, int64_t *out)
{
	if (pf_json_kind(v) != PF_JSON_INT)
		return false;
	*out = json_integer_value(in(v));
	return true;
}

bool pf_json_number(const struct pf_json *v, double *out)
{
	if (pf_json_kind(v) != PF_JSON_INT && pf_json_kind(v) != PF_JSON_REAL)
		return false;
	*out = json_number_value(in(v));
	return true;
}

const char *pf_json_text(const struct pf_json *v)
{
	return pf_json_kind(v) == PF_JSON_TEXT ? json_string_value(in(v)) : NULL;
}

void pf_json_quote(struct pf_buf *out, const void *text, size_t len)
{
	const uint8_t *p = text, *end = p + len;
	pf_buf_byte(out, '"');
	while (p < end) {
		uint32_t cp;
		unsigned n = pf_utf8_decode(p, (size_t)(end - p), &cp);
		if (!n) {
			pf_buf_str(out, "\xef\xbf\xbd");
			p++;
		} else {
			if (*p == '"' || *p == '\\') {
				pf_buf_byte(out, '\\');
				pf_buf_byte(out, *p);
			} else if (*p < 0x20 || *p == 0x7f) {
				pf_buf_printf(out, "\\u%04x", *p);
			} else {
				pf_buf_add(out, p, n);
			}
			p += n;
		}
	}
	pf_buf_byte(out, '"');
}

void pf_json_quote_str(struct pf_buf *out, const char *text)
{
	pf_json_quote(out, text, strlen(text));
}
