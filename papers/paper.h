/* SPDX-License-Identifier: BSD-2-Clause */
/* A paper whose experiment can be run here; an entry in the table of papers. */
#ifndef HEDDLE_PAPERS_PAPER_H
#define HEDDLE_PAPERS_PAPER_H

struct hp_study;
struct ht_results;

/**
 * struct hp_paper - one paper
 * @id:      "P01"
 * @title:   one line
 * @source:  where the claims stand, one line
 * @measure: run all probes
 * @judge:   fill in the claims
 * @figures: write the files that only this paper has; the results remember
 *           failures
 * @picture: file name of the figure to look at first
 * @probe:   the hidden sub-command: one measurement in this process
 */
struct hp_paper {
	const char *id;
	const char *title;
	const char *source;
	int (*measure)(struct hp_study *study);
	void (*judge)(struct hp_study *study);
	int (*figures)(const struct hp_study *study,
		       struct ht_results *results);
	const char *picture;
	int (*probe)(int argc, char **argv);
};

extern const struct hp_paper hp_p01;

/* hp_papers() - the table, ended by NULL */
const struct hp_paper *const *hp_papers(void);
const struct hp_paper *hp_paper_find(const char *id);

#endif /* HEDDLE_PAPERS_PAPER_H */
