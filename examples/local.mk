# SPDX-License-Identifier: BSD-2-Clause
# One file for one idea; each is built and run by make check.
