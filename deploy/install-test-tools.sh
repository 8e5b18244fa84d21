#!/bin/sh
# What `make test` uses beside the build tools: a browser for the pages, the rules by which their accessibility is judged, a library
# that sets the clock of one process, and a listener to packets.
# Installs what is missing where it may; where it may not, says so, and the tests that need it say that they did not run.
#
# What this machine has then, or can do, stands in `$CARGO_TARGET_DIR/test-tools`, in the words of VAUBAN_DEMANDS (tests/src/demands.rs).
# Of what could be installed it says so without looking again: tests that demand it fail where they do not find it.
set -eu
cd "$(dirname "$0")/.."

case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in fr*) french=yes ;; *) french=no ;; esac
say() { if [ "$french" = yes ]; then echo "$1" >&2; else echo "$2" >&2; fi; }
has() { command -v "$1" >/dev/null 2>&1; }

# What is missing, and what it is for.
missing='' without=''
lacks() { missing="$missing $1" without="$without $2"; }
has chromium || lacks chromium browser
has chromedriver || lacks chromium-driver browser
has tcpdump || has dumpcap || lacks tcpdump packets
set -- /usr/lib/*/faketime/libfaketimeMT.so.1
[ -e "$1" ] || lacks libfaketime clock
could_install=yes
if [ -n "$missing" ]; then
    if has apt-get && [ "$(id -u)" -eq 0 ]; then
        as_root=''
    elif has apt-get && has sudo && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        say "Des tests ne tourneront pas (pages, horloges, paquets) ; il manque :$missing" \
            "Some tests will not run (pages, clocks, packets); missing:$missing"
        could_install=no
    fi
    if [ "$could_install" = yes ]; then
        say "Installation de :$missing" "Installing:$missing"
        # Both variables are lists of words on purpose.
        # shellcheck disable=SC2086
        $as_root apt-get update -q
        # shellcheck disable=SC2086
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing fonts-dejavu-core
        without=''
    fi
fi

# axe-core comes from the registry, into the folder of builds: nothing of it is kept with the sources.
rules="${CARGO_TARGET_DIR:?is set by the Makefile}/browser"
mkdir -p "$CARGO_TARGET_DIR"
if [ ! -f "$rules/node_modules/axe-core/axe.min.js" ]; then
    if has npm && mkdir -p "$rules" && npm install --silent --no-audit --no-fund --prefix "$rules" axe-core@4 >/dev/null; then
        say "Règles d'accessibilité : $rules" "Accessibility rules: $rules"
    else
        say "Sans npm, l'accessibilité des pages n'est pas jugée." "Without npm, the accessibility of pages is not judged."
    fi
fi

# Only root listens to packets. Whether a machine lets root do so, or a test mount, is known by trying.
hears() { timeout 1 tcpdump -i lo -w /dev/null 2>&1 | grep -q -i 'listening on'; }
if [ "$(id -u)" -ne 0 ] || { has tcpdump && ! hears; }; then without="$without packets"; fi
[ -f "$rules/node_modules/axe-core/axe.min.js" ] || without="$without accessibility"
place=$(mktemp -d)
if mount -t tmpfs vauban-test "$place" 2>/dev/null; then umount "$place"; else without="$without mount"; fi
rmdir "$place"
tools=''
for tool in browser accessibility clock mount packets; do
    case " $without " in *" $tool "*) ;; *) tools="${tools:+$tools,}$tool" ;; esac
done
echo "$tools" >"$CARGO_TARGET_DIR/test-tools"
