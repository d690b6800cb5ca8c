# SPDX-License-Identifier: BSD-2-Clause
# One folder for each runtime that embeds heddle.
EXTRA_DIST += %D%/README.md
