#!/bin/sh
# Says which tests were skipped, and why: the lines that they have left in a file (tests/src/demands.rs).
#   deploy/skipped-tests.sh FILE
set -eu

case "${VAUBAN_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in fr*) french=yes ;; *) french=no ;; esac
say() { if [ "$french" = yes ]; then echo "$1"; else echo "$2"; fi; }

number=$(sort -u "$1" | wc -l)
if [ "$number" -eq 0 ]; then
    say "Aucun test n'a été sauté." "No test was skipped."
    exit 0
fi
say "SAUTÉS, faute de ce qu'il leur faut sur cette machine : $number" "SKIPPED, for want of what they take on this machine: $number"
sort -u "$1" | sed 's/^/  /'
