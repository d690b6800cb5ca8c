# SPDX-License-Identifier: BSD-2-Clause
# Checks of the tree, run by make check through tests/style/.
EXTRA_DIST += \
	%D%/build-rust-opponent \
	%D%/check-abi \
	%D%/check-contract \
	%D%/check-integrations \
	%D%/check-layers \
	%D%/check-packages \
	%D%/check-pairs \
	%D%/check-style \
	%D%/check-tarball \
	%D%/make-man \
	%D%/make-tool-docs \
	%D%/run-mutants

# Every row of doc/contract.tsv: break the code as it says, see the test fail.
# MUTANTS='C1 C4' takes only the rows of these clauses.
.PHONY: check-mutants
check-mutants:
	$(SHELL) $(top_srcdir)/scripts/run-mutants $(MUTANTS)

# The binary interface against doc/abi/; record-abi makes this build's the record.
.PHONY: check-abi record-abi
check-abi record-abi: libheddle.la
check-abi:
	$(SHELL) $(top_srcdir)/scripts/check-abi $(abs_top_builddir)
record-abi:
	$(SHELL) $(top_srcdir)/scripts/check-abi --record $(abs_top_builddir)
