#!/bin/sh
# What `make test` uses beside the build tools: a browser for the pages, the rules by which their accessibility is judged, a library
# that sets the clock of one process, and a listener to packets.
# Installs what is missing where it may; where it may not, says so, and the tests that need it say that they did not run.
set -eu
cd "$(dirname "$0")/.."

case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in fr*) french=yes ;; *) french=no ;; esac
say() { if [ "$french" = yes ]; then echo "$1" >&2; else echo "$2" >&2; fi; }
has() { command -v "$1" >/dev/null 2>&1; }

missing=''
has chromium || missing="$missing chromium"
has chromedriver || missing="$missing chromium-driver"
has tcpdump || has dumpcap || missing="$missing tcpdump"
set -- /usr/lib/*/faketime/libfaketimeMT.so.1
[ -e "$1" ] || missing="$missing libfaketime"
if [ -n "$missing" ]; then
    if has apt-get && [ "$(id -u)" -eq 0 ]; then
        as_root=''
    elif has apt-get && has sudo && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        say "Des tests ne tourneront pas (pages, horloges, paquets) ; il manque :$missing" \
            "Some tests will not run (pages, clocks, packets); missing:$missing"
        exit 0
    fi
    say "Installation de :$missing" "Installing:$missing"
    # Both variables are lists of words on purpose.
    # shellcheck disable=SC2086
    $as_root apt-get update -q
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing fonts-dejavu-core
fi

# axe-core comes from the registry, into the folder of builds: nothing of it is kept with the sources.
rules="${CARGO_TARGET_DIR:?is set by the Makefile}/browser"
if [ ! -f "$rules/node_modules/axe-core/axe.min.js" ]; then
    if has npm && mkdir -p "$rules" && npm install --silent --no-audit --no-fund --prefix "$rules" axe-core@4 >/dev/null; then
        say "Règles d'accessibilité : $rules" "Accessibility rules: $rules"
    else
        say "Sans npm, l'accessibilité des pages n'est pas jugée." "Without npm, the accessibility of pages is not judged."
    fi
fi
