/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/program.h"
#include "base/file.h"
#include "ext/yaml.h"

static const struct pf_option *find(const struct pf_run *run, const char *name)
{
	for (int s = 0; s < 2; s++)
		for (const struct pf_option *o = run->arguments.sets[s].table;
		     o && o->name; o++)
			if (!strcmp(o->name, name))
				return o;
	return NULL;
}

/* PF_OUTPUT_FORMAT for output-format. */
static void variable_name(const char *name, char *out, size_t out_bytes)
{
	size_t n = 0;

	memcpy(out, "PF_", 3);
	for (n = 3; *name && n + 1 < out_bytes; name++)
		out[n++] = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
	out[n] = '\0';
}

static int from_environment(struct pf_run *run, const struct pf_option *o,
			    bool *set, struct pf_error *err)
{
	char name[64];
	const char *value;

	variable_name(o->name, name, sizeof(name));
	value = getenv(name);
	*set = value && *value;
	return *set ? pf_option_set_text(&run->arguments, o->name, value, name, err) : 0;
}

/* One setting of a file. Settings of other programs' options are theirs; in
 * the section of this program every name must be known. */
static int apply_setting(struct pf_run *run, const struct pf_yaml *setting,
			 const char *file, bool own, struct pf_error *err)
{
	const struct pf_option *o = find(run, setting->key);
	char origin[512], name[64];

	snprintf(origin, sizeof(origin), "%.400s:%u", file, setting->key_line);
	if (!o && !own)
		return 0;
	if (!o)
		return pf_fail(err, PF_E_USAGE, "%s: %s has no option '%.60s'", origin,
			       run->program->name, setting->key);
	if (!o->config) {
		pf_fail(err, PF_E_USAGE,
			"%s: option '%s' must be given on the command line", origin, o->name);
		return pf_hint(err, "what may change rows or values is no matter of configuration");
	}
	if (setting->kind != PF_YAML_SCALAR)
		return pf_fail(err, PF_E_USAGE, "%s: '%s' takes one value", origin, o->name);
	variable_name(o->name, name, sizeof(name));
	const char *variable = getenv(name);
	if (pf_option_given(&run->arguments, o->name) || (variable && *variable))
		return 0;
	/* The tree goes away, the value stays. */
	char *kept = pf_strdup(setting->text);
	run->kept = pf_realloc(run->kept, run->nkept + 1, sizeof(char *));
	run->kept[run->nkept++] = kept;
	return pf_option_set_text(&run->arguments, o->name, kept, origin, err);
}

static int apply_tree(struct pf_run *run, const struct pf_yaml *root,
		      const char *file, struct pf_error *err)
{
	const struct pf_yaml *own;

	if (root->kind != PF_YAML_MAPPING)
		return pf_yaml_is_null(root) ? 0 :
			pf_fail(err, PF_E_USAGE, "%s: settings look like 'name: value'", file);
	for (size_t i = 0; i < root->n; i++)
		if (strncmp(root->items[i].key, "pf-", 3))
			PF_TRY(apply_setting(run, &root->items[i], file, false, err));
	own = pf_yaml_get(root, run->program->name);
	if (own && own->kind != PF_YAML_MAPPING)
		return pf_fail(err, PF_E_USAGE, "%s:%u: '%s' holds settings", file, own->line,
			       run->program->name);
	for (size_t i = 0; own && i < own->n; i++)
		PF_TRY(apply_setting(run, &own->items[i], file, true, err));
	return 0;
}

static int apply_file(struct pf_run *run, const char *path, bool must_exist,
		      struct pf_error *err)
{
	struct pf_buf text = { 0 };
	struct pf_yaml *root;
	int code;

	if (!must_exist && access(path, F_OK))
		return 0;
	code = pf_read_file(path, PF_YAML_LIMIT_BYTES, &text, err);
	if (!code && !(code = pf_yaml_parse((const char *)text.data, text.len, path, &root,
					    err))) {
		code = apply_tree(run, root, path, err);
		pf_yaml_free(root);
	}
	pf_buf_free(&text);
	return code;
}

static char *user_file(void)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (base && *base == '/')
		return pf_asprintf("%s/paraflow/config.yaml", base);
	return home && *home ? pf_asprintf("%s/.config/paraflow/config.yaml", home) : NULL;
}

static int apply_files(struct pf_run *run, struct pf_error *err)
{
	if (run->config && !strcmp(run->config, "none"))
		return 0;
	PF_TRY(apply_file(run, "/etc/paraflow/config.yaml", false, err));
	if (run->config)
		return apply_file(run, run->config, true, err);
	char *path = user_file();
	int code = path ? apply_file(run, path, false, err) : 0;
	free(path);
	return code;
}

int pf_config_apply(struct pf_run *run, struct pf_error *err)
{
	bool set;

	/* Lowest first: what comes later replaces it. */
	PF_TRY(apply_files(run, err));
	for (int s = 0; s < 2; s++)
		for (const struct pf_option *o = run->arguments.sets[s].table;
		     o && o->name; o++)
			if (o->config && !pf_option_given(&run->arguments, o->name))
				PF_TRY(from_environment(run, o, &set, err));
	return 0;
}
