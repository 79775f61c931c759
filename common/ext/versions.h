/* SPDX-License-Identifier: Apache-2.0
 *
 * Which libraries this program runs with, for --version and bug reports: each says
 * itself which one was loaded, but for jansson, which cannot.
 */
#ifndef PF_EXT_VERSIONS_H
#define PF_EXT_VERSIONS_H

#include "base/buf.h"

/* "zlib 1.2.13, zstd 1.5.4, ..." */
void pf_ext_versions(struct pf_buf *out);

#endif
