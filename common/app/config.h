/* SPDX-License-Identifier: Apache-2.0
 *
 * Options from elsewhere than the command line: a PF_NAME variable, then the
 * file of --config or $XDG_CONFIG_HOME/paraflow/config.yaml, then
 * /etc/paraflow/config.yaml (pf-config(5)). Only options that their table
 * marks may come from there: how things look, how much memory they take. The
 * same command line gives the same rows on every machine.
 *
 *	memory: 1Gi          # for every program that has --memory
 *	pf-query:
 *	  color: never       # for this one
 */
#ifndef PF_APP_CONFIG_H
#define PF_APP_CONFIG_H

#include "base/error.h"

struct pf_run;

/* Fill in what was not given on the command line. */
int pf_config_apply(struct pf_run *run, struct pf_error *err);

#endif
