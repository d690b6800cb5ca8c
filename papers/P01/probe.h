/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HEDDLE_PAPERS_P01_PROBE_H
#define HEDDLE_PAPERS_P01_PROBE_H

/* hp_p01_probe() - argv[0] is ignored; returns an exit status */
int hp_p01_probe(int argc, char **argv);

#endif /* HEDDLE_PAPERS_P01_PROBE_H */
