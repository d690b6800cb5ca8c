# SPDX-License-Identifier: BSD-2-Clause
# Texts that go into the tarball; man pages are installed.
EXTRA_DIST += \
	%D%/contract.md \
	%D%/contract.tsv \
	%D%/design/help.md \
	%D%/design/monitor.md \
	%D%/design/other-models.md \
	%D%/design/permits-model.md \
	%D%/design/permits.md \
	%D%/design/reserves.md \
	%D%/design/tenants.md \
	%D%/faults.md \
	%D%/guide/embedding.md \
	%D%/guide/limits.md \
	%D%/lab.md \
	%D%/properties.md \
	%D%/stall.md \
	%D%/wasi.md \
	%D%/workloads.md
