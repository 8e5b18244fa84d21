#!/bin/sh
# Runs ProVerif on each model of this folder (`make models`). Three things must be so:
#   every query is found true;
#   every control (a query of an event `Runs…`, or of a secret `known…`) is found false: the protocol runs, and the search finds;
#   without any one of the lines that say CHECK (or with what they say after CHECK: in their place), some query is found false.
# Without ProVerif nothing is checked, which is said, and ends with an error: whoever asks for a check has none.
set -eu
cd "$(dirname "$0")"

case "${VAUBAN_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in fr*) french=yes ;; *) french=no ;; esac
say() { if [ "$french" = yes ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi; }
# Seconds that one run may take: a proof that is not found within them is none.
limit=600
control='not (event\(Runs|attacker\(known)'

if ! command -v proverif >/dev/null 2>&1; then
    say "NON VÉRIFIÉS : ProVerif n'est pas installé (ni Debian ni crates.io ne l'ont ; « opam install proverif », ou ses sources sur proverif.inria.fr)." \
        "NOT CHECKED: ProVerif is not installed (neither Debian nor crates.io has it; \`opam install proverif\`, or its sources from proverif.inria.fr)."
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=no
fail() { failed=yes; say "ÉCHEC  $1" "FAILED $2"; }

# What ProVerif says of a file's queries, one a line.
results() {
    if ! timeout "$limit" proverif "$1" >"$work/said" 2>&1; then
        sed 's/^/    /' "$work/said" | tail -n 5
        return 1
    fi
    grep '^RESULT' "$work/said" >"$work/results"
}

for model in *.pv; do
    if ! results "$model"; then
        fail "$model : ProVerif ne va pas au bout" "$model: ProVerif does not finish"
        continue
    fi
    if grep -E -v "$control" "$work/results" | grep -v 'is true'; then
        fail "$model : cela n'est pas prouvé" "$model: this is not proved"
    fi
    if grep -E "$control" "$work/results" | grep -v 'is false'; then
        fail "$model : le protocole ne va pas jusque-là" "$model: the protocol does not get that far"
    fi
    for line in $(grep -n '(\* CHECK' "$model" | cut -d: -f1); do
        sed -E -e "${line}s/^.*\(\* CHECK: (.*) \*\) *\$/\1/" -e "${line}s/^.*\(\* CHECK \*\) *\$//" "$model" >"$work/weakened.pv"
        if ! results "$work/weakened.pv"; then
            fail "$model:$line : sans cette ligne, ProVerif ne va pas au bout" "$model:$line: without this line, ProVerif does not finish"
        elif ! grep -E -v "$control" "$work/results" | grep -q 'is false'; then
            fail "$model:$line : sans cette ligne, rien ne manque" "$model:$line: without this line, nothing is missed"
        fi
    done
    say "lu     $model" "read   $model"
done
[ "$failed" = no ] || exit 1
say "Toutes les propriétés sont prouvées, et chaque vérification est nécessaire." "All properties are proved, and each check is needed."
