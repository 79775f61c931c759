/* SPDX-License-Identifier: Apache-2.0
 *
 * The map. Nothing includes this file and it includes nothing.
 *
 *   base <- ext <- arrow <- { text  expr  parquet  store } <- { stage  paimon }
 *        <- keyed <- load <- { query  window }
 *   base <- cli          everything <- app <- cmd
 *
 * Arrows point at what is included; siblings in braces do not see each other;
 * tests/lint/layers fails on any other arrow.
 *
 *   base     libc only: errors, memory, buffers, files, numbers, times, UTF-8
 *   ext      one wrapper per third-party library; nobody else includes them
 *   arrow    types, schemas, batches; the record stream between programs
 *   text     table definitions; rows from and to csv, tsv, json, tables
 *   expr     the language of --where: parsed, bound to columns, run on batches
 *   parquet  Parquet files: pages, encodings, statistics, bloom filters
 *   store    the only way to a table's files
 *   stage    the log where accepted rows wait: append, recover, replay
 *   paimon   tables: buckets, manifests, snapshots, scan, commit
 *   keyed    tables with a primary key: versions of rows become rows
 *   load     from rows to segments: route, sort, spill, pack
 *   query    plans, pruning, scans of several sources, groups, order
 *   window   aggregates over windows of time
 *   cli      options, signals, diagnostics, the terminal
 *   app      the skeleton of all seven mains: descriptor, inputs, outputs
 *   cmd      the programs: a descriptor and a run function each
 */
#ifndef PF_PF_H
#define PF_PF_H
#endif
