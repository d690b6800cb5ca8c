# SPDX-License-Identifier: BSD-2-Clause
# One folder for each reproduced experiment.
papers_sources =
