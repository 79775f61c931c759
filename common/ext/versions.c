/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/versions.h"

#include <jansson.h>
#include <lz4.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

void pf_ext_versions(struct pf_buf *out)
{
	pf_buf_printf(out, "zlib %s, zstd %s, lz4 %s, jansson %s, libyaml %s",
		      zlibVersion(), ZSTD_versionString(), LZ4_versionString(),
		      JANSSON_VERSION, yaml_get_version_string());
}
