/* SPDX-License-Identifier: BSD-2-Clause */
/* P01's entry in the table of papers. */
#include "papers/P01/p01.h"
#include "papers/P01/probe.h"
#include "papers/paper.h"

const struct hp_paper hp_p01 = {
	.id = "P01",
	.title = "Thread pools under the thread rules of WASIX",
	.source = "Wasmer pull request 4332 (2023) and an article about it "
		  "(2025), which name neither hardware nor method",
	.measure = hp_p01_measure,
	.judge = hp_p01_judge,
	.figures = hp_p01_figures,
	.picture = "threads_vs_event.svg",
	.probe = hp_p01_probe,
};
