# SPDX-License-Identifier: BSD-2-Clause
# Texts that go into the tarball; man pages and completions are installed. Those
# that are made lie in the tarball as well, and a build that cannot make them
# (a sanitizer's, another machine's) takes them from there.
EXTRA_DIST += \
	%D%/abi/private.suppr \
	%D%/abi/x86_64-linux-gnu.abi \
	%D%/contract.md \
	%D%/contract.tsv \
	%D%/design/calls.md \
	%D%/design/donated.md \
	%D%/design/exit.md \
	%D%/design/elastic.md \
	%D%/design/eyes.md \
	%D%/design/forkjoin.md \
	%D%/design/help.md \
	%D%/design/life.md \
	%D%/design/memory.md \
	%D%/design/monitor.md \
	%D%/design/other-models.md \
	%D%/design/permits-model.md \
	%D%/design/performance.md \
	%D%/design/permits.md \
	%D%/design/reserves.md \
	%D%/design/tenants.md \
	%D%/faults.md \
	%D%/guide/embedding.md \
	%D%/guide/limits.md \
	%D%/guide/pool.md \
	%D%/guide/tenants.md \
	%D%/guide/unload.md \
	%D%/lab.md \
	%D%/properties.md \
	%D%/stall.md \
	%D%/wasi.md \
	%D%/workloads.md

## Man pages and completions ---------------------------------------------------

dist_man_MANS += %D%/man/heddle.7

man_date = $$($(SED) -n 's/^\.Dd //p' $(srcdir)/%D%/man/heddle.7)

# One rule for all of section 3; the stamp tells when it ran.
%D%/man/man3.stamp: $(heddleinclude_HEADERS) scripts/make-man %D%/man/heddle.7
	$(AM_V_GEN)$(MKDIR_P) $(@D) && rm -rf $(@D)/man3 && \
	headers=$$(for header in $(heddleinclude_HEADERS); do \
		case $$header in \
		*/heddle.h) ;; \
		*) echo "$(srcdir)/$$header" ;; \
		esac; \
	done) && \
	AWK='$(AWK)' $(SHELL) $(srcdir)/scripts/make-man $(@D)/man3 \
		$(PACKAGE_VERSION) "$(man_date)" $$headers && \
	touch $@

made_docs = %D%/man/man3.stamp
tool_docs = \
	%D%/man/heddle.1 \
	%D%/completion/heddle.bash \
	%D%/completion/heddle.zsh

if MAKE_TOOL_DOCS
made_docs += $(tool_docs)
tool_docs_from = $(bin_PROGRAMS) $(noinst_PROGRAMS) \
	scripts/make-tool-docs %D%/man/heddle.7
make_tool_docs = $(MKDIR_P) $(@D) && \
	AWK='$(AWK)' $(SHELL) $(srcdir)/scripts/make-tool-docs

%D%/man/heddle.1: $(tool_docs_from)
	$(AM_V_GEN)$(make_tool_docs) man ./heddle "$(man_date)" >$@.tmp && mv $@.tmp $@
%D%/completion/heddle.bash: $(tool_docs_from)
	$(AM_V_GEN)$(make_tool_docs) bash ./heddle "$(man_date)" >$@.tmp && mv $@.tmp $@
%D%/completion/heddle.zsh: $(tool_docs_from)
	$(AM_V_GEN)$(make_tool_docs) zsh ./heddle "$(man_date)" >$@.tmp && mv $@.tmp $@
endif

noinst_DATA += $(made_docs)
EXTRA_DIST += $(made_docs)

# Where shells look; a packager may say otherwise.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions

# What was made here goes before what came with the tarball.
.PHONY: install-made-docs uninstall-made-docs clean-made-docs dist-made-docs
install-made-docs: $(made_docs)
	@here_or_there() { if test -e "$$1"; then echo "$$1"; else echo "$(srcdir)/$$1"; fi; }; \
	put() { test ! -e "$$1" || { $(MKDIR_P) "$$2" && $(INSTALL_DATA) "$$1" "$$2/$$3"; }; }; \
	for page in $$(here_or_there %D%/man/man3)/*.3; do \
		put "$$page" "$(DESTDIR)$(mandir)/man3" "$${page##*/}" || exit 1; \
	done; \
	put $$(here_or_there %D%/man/heddle.1) "$(DESTDIR)$(mandir)/man1" heddle.1 && \
	put $$(here_or_there %D%/completion/heddle.bash) "$(DESTDIR)$(bashcompletiondir)" heddle && \
	put $$(here_or_there %D%/completion/heddle.zsh) "$(DESTDIR)$(zshcompletiondir)" _heddle

uninstall-made-docs:
	@here_or_there() { if test -e "$$1"; then echo "$$1"; else echo "$(srcdir)/$$1"; fi; }; \
	for page in $$(here_or_there %D%/man/man3)/*.3; do \
		rm -f "$(DESTDIR)$(mandir)/man3/$${page##*/}"; \
	done; \
	rm -f "$(DESTDIR)$(mandir)/man1/heddle.1" \
		"$(DESTDIR)$(bashcompletiondir)/heddle" "$(DESTDIR)$(zshcompletiondir)/_heddle"

# In the source folder they are the tarball's.
clean-made-docs:
	test "$(srcdir)" = . || rm -rf %D%/man/man3 $(made_docs)

dist-made-docs: $(made_docs)
	$(MKDIR_P) $(distdir)/%D%/man/man3
	if test -d %D%/man/man3; then from=%D%/man/man3; else from=$(srcdir)/%D%/man/man3; fi; \
	cp -p $$from/*.3 $(distdir)/%D%/man/man3/
