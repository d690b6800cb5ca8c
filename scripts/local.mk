# SPDX-License-Identifier: BSD-2-Clause
# Checks of the tree, run by make check through tests/style/.
EXTRA_DIST += \
	%D%/build-rust-opponent \
	%D%/check-contract \
	%D%/check-integrations \
	%D%/check-layers \
	%D%/check-pairs \
	%D%/check-style \
	%D%/run-mutants

# Every row of doc/contract.tsv: break the code as it says, see the test fail.
# MUTANTS='C1 C4' takes only the rows of these clauses.
.PHONY: check-mutants
check-mutants:
	$(SHELL) $(top_srcdir)/scripts/run-mutants $(MUTANTS)
