#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Completion for bash and zsh offers what the command takes, and heddle(1)
# names it.
#
# Method: every option that a command's --help shows is looked for in the page
# and in what the completion functions answer, which run in their shells. For
# zsh its two helpers are replaced by ones that print.
set -eu
# shellcheck source=tests/style/sh-tap.sh
. "$(dirname "$0")/sh-tap.sh"

made=$build/doc
[ -e "$made/completion/heddle.bash" ] || made=$top/doc
[ -e "$made/completion/heddle.bash" ] ||
	skip_all "a sanitizer's build makes no page and no completion"

# offered_by_bash WORD...: what bash offers for the last of the words.
offered_by_bash() {
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		_heddle; printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$made/completion/heddle.bash" "$@"
}

# shellcheck disable=SC2016
offered_by_zsh() {
	zsh -fc '_describe() { print -l -- "${(@P)2}" }
		_files() { print -- "files $*" }
		file=$1; shift; words=("$@"); CURRENT=$#
		ask() { source "$file" }; ask' \
		zsh "$made/completion/heddle.zsh" "$@" | sed 's/\([^\\]\):.*/\1/'
}

# names ANSWER WORD...: all are among the answers.
names() {
	answer=$1
	shift
	for word; do
		grep -qxF -e "$word" "$answer" || {
			echo "$word is not among:"
			cat "$answer"
			return 1
		}
	done
}

walk() { # SHELL
	for path in "" info paper "paper list" "paper run" "paper report" explore \
		count stall stress "bench all" "bench W1" "bench lockfree"; do
		# shellcheck disable=SC2086
		"$build/heddle" $path --help >"$scratch/help" || continue
		# shellcheck disable=SC2046
		set -- "$1" $(sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$scratch/help")
		shell=$1
		shift
		# shellcheck disable=SC2086
		"offered_by_$shell" heddle $path "" >"$scratch/answer"
		must "$shell: heddle $path" names "$scratch/answer" "$@"
		set -- "$shell"
	done
}

for shell in bash zsh; do
	command -v $shell >/dev/null || {
		skip "$shell completes" "$shell is missing"
		continue
	}
	walk $shell
	"offered_by_$shell" heddle "" >"$scratch/answer"
	must "$shell: the commands" names "$scratch/answer" info paper stress bench
	"offered_by_$shell" heddle stress --json "" >"$scratch/answer"
	must "$shell: the scenarios" names "$scratch/answer" cap-walk never-under
	"offered_by_$shell" heddle stress --seconds "" >"$scratch/answer"
	must "$shell: nothing for a number" sh -c 'test -z "$(tr -d "\n" <"$1")"' \
		sh "$scratch/answer"
done
if command -v bash >/dev/null; then
	offered_by_bash heddle stress --se >"$scratch/answer"
	printf '%s\n' --seconds --seed >"$scratch/wanted"
	must "bash: a beginning narrows it down" diff "$scratch/wanted" "$scratch/answer"
	must_fail "an option that is not offered is noticed" "--nonsense is not among" \
		names "$scratch/answer" --nonsense
fi

tr -d '\\' <"$made/man/heddle.1" >"$scratch/page"
for path in info "paper run" explore stall stress "bench all" "bench W1" "bench lockfree"; do
	# shellcheck disable=SC2086
	"$build/heddle" $path --help | sed -n 's/^  --\([a-z-]*\).*/\1/p' |
		while read -r name; do
			sed -n "/^\.Ss heddle $path\$/,/^\.S[sh] /p" "$scratch/page" |
				grep -qE "^\.It Fl Fl $name( |\$)" || echo "--$name"
		done >"$scratch/without"
	must "heddle(1) has every option of $path" diff /dev/null "$scratch/without"
done
# What a help says on two lines is one text in the page and for zsh.
both="20000 executions of PCT where a million belong, and a second of one phase"
must "heddle(1) has both lines of an option" sh -c '
	sed -n "/^\.It Fl Fl quick\$/{n;p;}" "$1" | grep -q "$2"' sh "$scratch/page" "$both"
# shellcheck disable=SC1003
must "a line that begins with a quote is one" sh -c \
	'grep -q "^.&.complete" "$1" && ! grep -F "\\\\&" "$1"' sh "$made/man/heddle.1"
must "and so has zsh" grep -qF -e "--quick:$both" "$made/completion/heddle.zsh"

for status in 0 1 2 77; do
	must "heddle(1) has the exit status $status" grep -qx "\.It $status" "$scratch/page"
done
finish
