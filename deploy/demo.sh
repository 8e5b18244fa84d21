#!/usr/bin/env bash
# The whole story on loopback, with real processes: an organisation, its node, a person with two devices, a folder that
# is sealed, stored, and comes back byte for byte. Run it by `make demo`, which builds the programs first.
#
#   DIR=…    syncs a copy of that folder instead of this repository's tree and a generated 256 MiB file
#   KEEP=1   leaves node and folders up at the end, and says how to reach and how to end them
#
# Everything is in one temporary folder; every process is ended by its own identifier, however the script ends.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=${CARGO_TARGET_DIR:-$HOME/.cache/vauban/target}/release
PATH=$programs:$PATH
big_bytes=$((256 * 1024 * 1024))

case "${VAUBAN_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in fr*) VAUBAN_LANG=fr ;; *) VAUBAN_LANG=en ;; esac
export VAUBAN_LANG

main() {
    for program in vauban vauban-node; do
        [ -x "$programs/$program" ] || fail "$programs/$program manque : lancez « make demo »." \
            "$programs/$program is missing: run \`make demo\`."
    done
    work=$(mktemp -d "${TMPDIR:-/tmp}/vauban-demo.XXXXXX")
    processes=()
    trap 'leave $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    umask 077
    head -c 24 /dev/urandom | base64 >"$work/passphrase"
    export VAUBAN_PASSPHRASE_FILE=$work/passphrase VAUBAN_ROOT_PASSPHRASE_FILE=$work/passphrase

    # Commands are shown on the script's own output, even where theirs goes elsewhere.
    exec 4>&1

    organisation
    node
    people
    first_device
    second_device
    one_byte
    nothing_readable
    ending
}

# --- acts -----------------------------------------------------------------------------------------------------------

organisation() {
    act "L'agence crée son organisation : la racine et ses clés restent sur la machine de l'admin." \
        "The agency creates its organisation: the root and its keys stay on the admin's machine."
    as admin vauban org create "Agence de démonstration"
}

node() {
    act "Un nœud demande une charte ; la racine la signe : où il est, qui l'opère, sous quel droit." \
        "A node asks for a charter; the root signs it: where it is, who runs it, under which law."
    # The port is released here and bound again by the node.
    local port
    port=$(LC_ALL=C perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1")->sockport')
    as node vauban-node init --data "$work/node" --listen "127.0.0.1:$port"
    sed -i 's/127\.0\.0\.1:9433/127.0.0.1:0/' "$work/node/node.toml"
    as admin vauban org charter "$work/node/node-request.vbq" --site Paris-1 --department 75 --country FR \
        --operator "DSI de l'agence" --siren 110000015 --regime "droit français" --out "$work/node.vba"
    as node vauban-node admit --data "$work/node" "$work/node.vba"
    prompt node vauban-node run --data "$work/node"
    setsid vauban-node run --data "$work/node" >"$work/node.out" 2>"$work/node.log" </dev/null &
    node_id=$!
    processes+=("$node_id")
    await "$work/node.out" '^ready ' "$node_id"
    cat "$work/node.out"
    web=$(sed -n 's/^ready .*web=\([^ ]*\).*/\1/p' "$work/node.out")
}

people() {
    act "Alice est invitée, puis ajoute un second appareil ; personne ne fait confiance au nœud pour cela." \
        "Alice is invited, then adds a second device; nobody trusts the node for that."
    as admin vauban user invite alice | tee "$work/invite"
    join laptop "$(code "$work/invite")" admin vauban user accept --wait

    prompt laptop vauban device add
    VAUBAN_HOME=$work/laptop vauban device add >"$work/add" 2>"$work/add.log" </dev/null &
    local adding=$!
    processes+=("$adding")
    await "$work/add" 'vauban1-' "$adding"
    cat "$work/add"
    as desktop vauban init --invite "$(code "$work/add")" --name desktop
    wait "$adding"
    as laptop vauban device list
}

first_device() {
    act "Le portable scelle le dossier et l'envoie." "The laptop seals the folder and sends it."
    local from=$work/laptop-files
    mkdir "$from"
    if [ -n "${DIR:-}" ]; then
        cp -R "$DIR/." "$from/"
        rm -rf "$from/.vauban"
    else
        git ls-files -z | xargs -0 cp --parents -t "$from"
        head -c "$big_bytes" /dev/urandom >"$from/big.bin"
    fi
    canary="canary-$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')"
    echo "The content $canary is for members alone." >"$from/$canary.txt"
    files=$(find "$from" -type f | wc -l)
    plain=$(bytes_of "$from")

    as laptop vauban space create Projets
    began
    as laptop vauban sync Projets "$from" --once
    took
    sent_first=$(stored)
    say "  $files fichiers, $(human "$plain") en $seconds s : $(rate "$plain" "$seconds")." \
        "  $files files, $(human "$plain") in $seconds s: $(rate "$plain" "$seconds")."
}

second_device() {
    act "Le fixe, qui n'a jamais vu ces fichiers, les reçoit : comparaison octet par octet." \
        "The desktop, which never saw these files, receives them: compared byte for byte."
    local to=$work/desktop-files
    mkdir "$to"
    began
    as desktop vauban sync Projets "$to" --once
    took
    diff -r --no-dereference --exclude .vauban "$work/laptop-files" "$to" ||
        fail "Les deux dossiers diffèrent." "The two folders differ."
    say "  identiques : $(human "$plain") en $seconds s : $(rate "$plain" "$seconds")." \
        "  identical: $(human "$plain") in $seconds s: $(rate "$plain" "$seconds")."
}

one_byte() {
    act "Un octet inséré au début du plus gros fichier : peu de choses repartent." \
        "One byte inserted at the start of the biggest file: little is sent again."
    local big before
    big=$(find "$work/laptop-files" -type f -not -path '*/.vauban/*' -printf '%s %p\n' | sort -rn | sed -n '1s/^[0-9]* //p')
    before=$(stored)
    { printf 'x' && cat "$big"; } >"$work/longer"
    cat "$work/longer" >"$big"
    rm "$work/longer"
    began
    as laptop vauban sync Projets "$work/laptop-files" --once
    took
    say "  $(human "$(($(stored) - before))") envoyés pour un fichier de $(human "$(stat -c %s "$big")"), en $seconds s." \
        "  $(human "$(($(stored) - before))") sent for a file of $(human "$(stat -c %s "$big")"), in $seconds s."
    as desktop vauban sync Projets "$work/desktop-files" --once
    diff -r --no-dereference --exclude .vauban "$work/laptop-files" "$work/desktop-files" ||
        fail "Les deux dossiers diffèrent." "The two folders differ."
    say "  et le fixe l'a reçu : identiques." "  and the desktop has it: identical."
}

nothing_readable() {
    act "Ce que le nœud a sur son disque, dans ses journaux et ses métriques : ni nom, ni contenu." \
        "What the node has on its disk, in its logs and metrics: no name, no content."
    metrics >"$work/metrics"
    # Names long enough not to occur by chance, and lines of text as content.
    (cd "$work/laptop-files" && find . -type f -not -path './.vauban/*' -printf '%f\n') |
        awk 'length >= 10' | sort -u | awk "NR <= 500" >"$work/patterns"
    find "$work/laptop-files" -type f -size -256k -not -path '*/.vauban/*' -exec cat {} + |
        LC_ALL=C grep -a -E '^[ -~]{32,200}$' | sort -u | awk 'NR % 17 == 0 && kept++ < 500' >>"$work/patterns"
    echo "$canary" >>"$work/patterns"
    echo "Projets" >>"$work/patterns"
    local searched found
    searched=$(wc -l <"$work/patterns")
    LC_ALL=C grep -r -a -q -F -f "$work/patterns" "$work/desktop-files" ||
        fail "La recherche ne trouve rien là où tout est en clair." "The search finds nothing where all is in clear."
    if found=$(LC_ALL=C grep -r -a -o -F -f "$work/patterns" "$work/node" "$work/node.log" "$work/node.out" "$work/metrics"); then
        echo "$found" | sed -n 1,10p >&2
        fail "Le nœud sait lire quelque chose." "The node can read something."
    fi
    say "  $searched noms et lignes cherchés dans $(human "$(bytes_of "$work/node")") : aucun. (Les mêmes, dans le dossier d'Alice : trouvés.)" \
        "  $searched names and lines searched in $(human "$(bytes_of "$work/node")"): none. (The same, in Alice's folder: found.)"
}

ending() {
    say "
Reçu par le nœud : $(human "$sent_first") scellés pour $(human "$plain") en clair." "
Received by the node: $(human "$sent_first") sealed for $(human "$plain") in clear."
    if [ -n "${KEEP:-}" ]; then
        say "
Tout reste en place (KEEP=1) :
  export VAUBAN_HOME=$work/laptop VAUBAN_PASSPHRASE_FILE=$work/passphrase PATH=$programs:\$PATH
  vauban ls Projets            métriques du nœud : http://$web/metrics
Pour finir : kill $node_id && rm -r $work" "
All stays up (KEEP=1):
  export VAUBAN_HOME=$work/laptop VAUBAN_PASSPHRASE_FILE=$work/passphrase PATH=$programs:\$PATH
  vauban ls Projets            the node's metrics: http://$web/metrics
To end it: kill $node_id && rm -r $work"
        return
    fi
    kill -TERM "$node_id"
    wait "$node_id" || fail "Le nœud ne s'est pas arrêté proprement." "The node did not stop cleanly."
    say "Le nœud s'est arrêté ; rien ne reste." "The node has stopped; nothing is left."
}

# --- what the acts are made of --------------------------------------------------------------------------------------

say() { if [ "$VAUBAN_LANG" = fr ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi; }
fail() { say "ÉCHEC : $1" "FAILED: $2" >&2; exit 1; }

acts=0
act() { acts=$((acts + 1)); echo; say "$acts. $1" "$acts. $2"; }

# Shows a command as its user would type it, long codes cut short.
prompt() {
    local who=$1 word line
    shift
    line="$who\$"
    for word in "$@"; do
        word=${word//$work/…}
        case $word in
        vauban1-*) word="${word:0:16}…" ;;
        *\'*) word="\"$word\"" ;;
        *[[:space:]]*) word="'$word'" ;;
        esac
        line="$line $word"
    done
    printf '  %s\n' "$line" >&4
}

# Runs a command as one of the machines: each has a home of its own.
as() {
    prompt "$@"
    local who=$1
    shift
    VAUBAN_HOME=$work/$who "$@" </dev/null
}

# A new device answers an invite while the inviter's side finishes it.
join() {
    local device=$1 invite=$2
    shift 2
    prompt "$device" vauban init --invite "$invite" --name "$device"
    VAUBAN_HOME=$work/$device vauban init --invite "$invite" --name "$device" >"$work/join.out" 2>"$work/join.log" </dev/null &
    local joining=$!
    processes+=("$joining")
    as "$@"
    wait "$joining" || { cat "$work/join.log" >&2; fail "L'inscription a échoué." "Joining failed."; }
    cat "$work/join.out"
}

code() { grep -o 'vauban1-[^ ]*' "$1" | sed -n 1p; }

# Waits, for a minute at most, until a file has a line; fails as soon as the process that writes it has gone.
await() {
    local tries
    for tries in $(seq 1200); do
        grep -q "$2" "$1" && return
        kill -0 "$3" 2>/dev/null || break
        sleep 0.05
    done
    cat "$1" "$work"/*.log >&2
    fail "Rien n'est venu (« $2 », $tries essais)." "Nothing came (\"$2\", $tries tries)."
}

# The node's own page, without any tool.
metrics() {
    exec 3<>"/dev/tcp/${web%:*}/${web##*:}"
    printf 'GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$web" >&3
    cat <&3
    exec 3>&-
}
# Bytes of chunks that the node has received.
stored() { metrics | awk '$1 == "vauban_uploaded_bytes_total" { printf "%d", $2 }'; }

bytes_of() { find "$1" -type f -not -path '*/.vauban/*' -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }'; }
human() {
    awk -v bytes="$1" 'BEGIN {
        split("B KiB MiB GiB", unit, " "); i = 1
        while (bytes >= 1024 && i < 4) { bytes /= 1024; i++ }
        printf (i == 1 ? "%d %s" : "%.1f %s"), bytes, unit[i]
    }'
}
rate() { awk -v bytes="$1" -v seconds="$2" 'BEGIN { printf "%.0f MiB/s", bytes / 1048576 / seconds }'; }
began() { moment=$EPOCHREALTIME; }
took() { seconds=$(awk -v a="$moment" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'); }

leave() {
    local status=$1 process
    trap - EXIT INT TERM
    if [ "$status" -eq 0 ] && [ -n "${KEEP:-}" ]; then exit 0; fi
    for process in "${processes[@]}"; do
        kill -TERM "$process" 2>/dev/null || continue
        for _ in $(seq 200); do
            kill -0 "$process" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "$process" 2>/dev/null || true
    done
    if [ "$status" -ne 0 ]; then tail -n 5 "$work"/*.log >&2 2>/dev/null || true; fi
    rm -rf "$work"
    exit "$status"
}

main
