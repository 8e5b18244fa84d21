#!/usr/bin/env bash
# Records the guides' transcripts anew: real commands of real processes on loopback, in each language, put where the guides say
# `<!-- transcript: NAME.LANGUAGE -->`. Run it by `make transcripts`, which builds the programs first; then look at `git diff`.
#
#   ONLY=fr    one language alone (or en)
#   DEMO=no    leaves out what `make demo` prints, for who changes another scene
#   KEEP=1     leaves the recordings there, and says where; the guides are not touched
#
# Codes, addresses and folders are cut short, and nothing else is.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/demo/parts.sh

programs=${CARGO_TARGET_DIR:-$HOME/.cache/vauban/target}/release
PATH=$programs:$PATH
guides=(README.md client/GUIDE.fr.md client/GUIDE.en.md deploy/README.md)
# What links begin with, as a proxy with TLS would have it.
origin=https://partage.agence.example

main() {
    have_programs transcripts
    all=$(mktemp -d "${TMPDIR:-/tmp}/vauban-transcripts.XXXXXX")
    work=$all
    trap 'ended $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    umask 077
    head -c 24 /dev/urandom | base64 >"$all/passphrase"
    export VAUBAN_PASSPHRASE_FILE=$all/passphrase VAUBAN_ROOT_PASSPHRASE_FILE=$all/passphrase
    exec 4>/dev/null
    local language
    for language in ${ONLY:-fr en}; do record "$language"; done
    if [ -n "${KEEP:-}" ]; then
        say "Enregistré : $all/*/blocks" "Recorded: $all/*/blocks"
    else
        say "Enregistré. Relire : git diff ${guides[*]}" "Recorded. To be read again: git diff ${guides[*]}"
    fi
}

# Every scene, in one language, told by people who have never met those of the other.
record() {
    local french=''
    [ "$1" = en ] || french=yes
    export VAUBAN_LANG=$1
    work=$all/$1
    mkdir -p "$work/blocks" "$work/files"
    if [ -n "$french" ]; then
        laptop=portable desktop=fixe phone=téléphone received=Reçu again=Encore address_file=adresse offers=Offres
        note="Merci de déposer ici votre offre pour le marché 2026-17." contracts=Marchés drafts=Brouillons
        drops=("offre technique.pdf" bordereau.ods)
    else
        laptop=laptop desktop=desktop phone=phone received=Received again=Again address_file=address offers=Offers
        note="Please drop your offer for contract 2026-17 here." contracts=Contracts drafts=Drafts
        drops=("technical offer.pdf" prices.ods)
    fi
    local who
    for who in admin "$laptop" "$desktop" "$phone" bob carole david chloe emma visitor thief; do mkdir "$work/files/$who"; done
    foundation >>"$work/log" 2>&1
    share
    links
    requests
    lost_device
    recovery
    offboarding
    two_admins
    kill -TERM "$node"
    wait "$node"
    [ "${DEMO:-}" = no ] || demo
    placed
    [ -n "${KEEP:-}" ] || embed
}

# --- scenes ---------------------------------------------------------------------------------------------------------

# An agency, its node, and its people; alice has two devices, which see the same space.
foundation() {
    as admin vauban org create Agence --user sophie --device bureau
    local quic
    free_port tcp
    page=127.0.0.1:$port
    free_port udp
    quic=127.0.0.1:$port
    as paris vauban-node init --data "$work/paris" --listen "$quic"
    sed -i -e 's/127\.0\.0\.1:9433/127.0.0.1:0/' -e 's/^reserve = .*/reserve = "16 MiB"/' \
        -e "s/^# listen = \"127\.0\.0\.1:9480\"/listen = \"$page\"/" -e "s|^# origin = .*|origin = \"$origin\"|" "$work/paris/node.toml"
    as admin vauban org charter "$work/paris/node-request.vbq" --site Paris-1 --department 75 --country FR \
        --operator "DSI de l'agence" --siren 110000015 --regime "droit français" --out "$work/paris.vba"
    as paris vauban-node admit --data "$work/paris" "$work/paris.vba"
    setsid vauban-node run --data "$work/paris" >"$work/paris.out" 2>"$work/paris.log" </dev/null &
    node=$!
    await "$work/paris.out" '^ready ' "$node"
    as admin vauban admin node add "$(sed -n 's/^ready .*node=\([^ ]*\).*/\1/p' "$work/paris.out")" --address "$quic" --capacity 1TB

    kept "$work/invite" admin vauban user invite alice
    join "$laptop" "$(code "$work/invite")" admin vauban user accept --wait
    VAUBAN_HOME=$work/$laptop vauban device add >"$work/add" 2>"$work/add.log" </dev/null &
    local adding=$! name
    await "$work/add" 'vauban1-' "$adding"
    as "$desktop" vauban init --invite "$(code "$work/add")" --name "$desktop"
    wait "$adding"
    for name in bob carole david chloe emma; do enrol "$name"; done

    local files=$work/files/$laptop/Projets
    mkdir -p "$files/Budget"
    head -c 300000 /dev/urandom >"$files/Budget/2026.ods"
    echo "premier jet" >"$files/Budget/note.txt"
    head -c 200000 /dev/urandom >"$files/plan.pdf"
    hidden "$laptop" vauban space create Projets
    synced "$laptop"
    synced "$desktop"
    synced "$laptop"
}

share() {
    block share-add
    shows "$laptop" vauban space add Projets bob
    hidden "$laptop" vauban space add Projets chloe --role reader
    block share-members
    shows "$laptop" vauban space members Projets
    block share-remove
    shows "$laptop" vauban space remove Projets bob
    block share-fingerprint
    shows "$laptop" vauban space fingerprint Projets
}

links() {
    block link-create
    shows "$laptop" vauban link create Projets:Budget --expires 2w
    address >"$work/$address_file"
    block link-get
    given "$work/$address_file" shows visitor vauban link get - "$received"
    # Nodes write down now and then how often a link was opened.
    local tries
    for tries in $(seq 60); do
        block link-list
        shows "$laptop" vauban link list Projets
        ! grep -q -E '(ouvert|opened) 1 ' "$block" || break
        sleep 1
    done
    shows "$laptop" vauban link revoke Projets "$(identifier)"
    given "$work/$address_file" fails visitor vauban link get - "$again"
}

requests() {
    local request
    block request-create
    shows "$laptop" vauban link request "Projets:$offers" --note "$note" --max-size 500MB
    request=$(address)
    if ! browser; then
        no_browser
        return 0
    fi
    local files=$work/files/visitor
    head -c 3200000 /dev/urandom >"$files/${drops[0]}"
    head -c 200000 /dev/urandom >"$files/${drops[1]}"
    visits drop "${request/$origin/http://$page}" - "$files/${drops[0]}" "$files/${drops[1]}" >>"$work/log" 2>&1
    block request-list
    shows "$laptop" vauban link list Projets
    local request_id
    request_id=$(identifier)
    shows "$laptop" vauban link take Projets
    shows "$laptop" vauban link revoke Projets "$request_id"
}

lost_device() {
    synced "$desktop"
    block lost-device
    shows "$desktop" vauban device revoke "$laptop"
}

recovery() {
    local words
    block recovery-setup
    shows "$desktop" vauban recovery setup --guardians bob,carole,david --threshold 2
    block recovery-code
    shows admin vauban device revoke "$desktop" --user alice
    shows admin vauban user recover alice
    code "$block" >"$work/code"
    block recovery-begin
    given "$work/code" shows "$phone" vauban recovery begin --invite - --name "$phone"
    words=$(sed -n 's/^  \(\([a-z]\{5\} \)\{5,\}[a-z]\{5\}\)$/\1/p' "$block")
    block recovery-accept
    shows admin vauban user accept --wait
    block recovery-approve
    shows bob vauban recovery list
    fails bob vauban recovery approve alice
    shows bob vauban recovery approve alice --words "$words"
    hidden carole vauban recovery approve alice --words "$words"
    block recovery-finish
    shows "$phone" vauban recovery finish
    synced "$phone"

    # Somebody asks in her name, and she sees it.
    hidden "$phone" vauban recovery setup --guardians bob,carole,david --threshold 2
    as admin vauban user recover alice >"$work/again" 2>>"$work/log"
    hidden thief vauban recovery begin --invite "$(code "$work/again")" --name "$laptop"
    hidden admin vauban user accept --wait
    block recovery-refuse
    shows "$phone" vauban space list
    shows "$phone" vauban recovery refuse
}

offboarding() {
    local space
    for space in "$contracts" "$drafts"; do
        hidden bob vauban space create "$space"
        mkdir "$work/files/bob/$space"
        echo "$space" >"$work/files/bob/$space/note.txt"
        hidden bob vauban sync "$space" "$space" --once
    done
    hidden bob vauban space add "$contracts" chloe --role manager --unconfirmed
    hidden bob vauban link create "$contracts:note.txt"
    block offboarding
    shows admin vauban admin offboard bob --yes
}

two_admins() {
    hidden admin vauban org appoint chloe
    hidden admin vauban org appoint emma
    block two-admins-on
    shows admin vauban org policy --two-admins on
    shows chloe vauban admin pending
    shows chloe vauban admin approve "$(proposal)" --yes
    block two-admins-policy
    shows admin vauban org policy --country FR --country BE
    shows emma vauban admin approve "$(proposal)" --yes
}

# What `make demo` prints: all acts from the fourth on, in the language of the README; and what it shows of a cluster that loses a node.
demo() {
    say "  la démonstration (VAUBAN_LANG=$VAUBAN_LANG)…" "  the demo (VAUBAN_LANG=$VAUBAN_LANG)…"
    env -u KEEP -u DIR TMPDIR="$work" deploy/demo.sh >"$work/demo" 2>&1 </dev/null
    sed -i "s|$work/vauban-demo\.[A-Za-z0-9]*|…|g" "$work/demo"
    block cluster-status
    awk '/\$ vauban-node cluster status / { shown = 1; if (count++) print ""; next }
        shown { print }
        /^(Layout|La répartition) [0-9]+/ { shown = 0 }' "$work/demo" >"$block"
    [ "$VAUBAN_LANG" = en ] || return 0
    block demo
    sed -n '/^4\. /,$p' "$work/demo" >"$block"
}

# --- what the scenes are made of ------------------------------------------------------------------------------------

# Begins a transcript.
block() {
    block=$work/blocks/$1.$VAUBAN_LANG
    : >"$block"
}

# Runs a command as somebody, in that person's folder, and writes both down as a terminal would show them.
shows() {
    local who=$1 word line='$'
    shift
    [ ! -s "$block" ] || echo >>"$block"
    for word in "$@"; do
        case $word in
        *#*) word="'$word'" ;;
        *[[:space:]]*) word="\"$word\"" ;;
        esac
        line="$line $word"
    done
    echo "$line${input:+ <${input##*/}}" >>"$block"
    inside "$who" "$@" >>"$block" 2>&1
}

# The same, of a command that must be refused.
fails() {
    if shows "$@"; then fail "Ce n'est pas refusé : $*" "This is not refused: $*"; fi
}

# The same, unshown.
hidden() {
    inside "$@" >>"$work/log" 2>&1
}

# Runs a command as somebody, in that person's folder, as `as` does.
inside() {
    local who=$1
    shift
    (cd "$work/files/$who" && VAUBAN_HOME=$work/$who exec "$@") <"${input:-/dev/null}" &
    wait $!
}

synced() {
    mkdir -p "$work/files/$1/Projets"
    hidden "$1" vauban sync Projets Projets --once
}

# What the transcript shows: an address of a link; how the last identifier begins; the number of a proposal.
address() { grep -o '^https://[^ ]*' "$block" | sed -n 1p; }
identifier() { grep -o '^[0-9a-f]\{32\}' "$block" | tail -n 1 | cut -c 1-12; }
proposal() { grep -o '\bp[0-9]\+\b' "$block" | sed -n 1p; }

# Fails if what was recorded has no place in the guides, or a place of theirs has nothing.
placed() {
    local name file
    for file in "$work"/blocks/*; do
        name=${file##*/}
        grep -q -F "<!-- transcript: $name -->" "${guides[@]}" || fail "Aucun guide ne montre « $name »." "No guide shows \"$name\"."
    done
    for name in $(sed -n "s/^<!-- transcript: \(.*\.$VAUBAN_LANG\) -->\$/\1/p" "${guides[@]}"); do
        [ -s "$work/blocks/$name" ] || say "  (« $name » n'a pas été enregistré.)" "  (\"$name\" was not recorded.)"
    done
}

# Puts each transcript of this language in the place of the block that follows its mark.
embed() {
    local guide
    sed -E -i -e 's/(vauban1-[a-z0-9]{8})[a-z0-9-]+/\1…/g' -e 's/(#[A-Za-z0-9_-]{24})[A-Za-z0-9_-]+/\1…/g' \
        -e "s|$work/files/[^/ ]*/||g" -e "s|$work|…|g" "$work"/blocks/*
    for guide in "${guides[@]}"; do
        awk -v blocks="$work/blocks" -v language="$VAUBAN_LANG" '
            skipping { if ($0 == "```" && ++fences == 2) skipping = 0; next }
            { print }
            match($0, /^<!-- transcript: .* -->$/) {
                file = blocks "/" substr($0, 18, length($0) - 21)
                if ((getline line <file) <= 0) next
                print "```"
                do print line; while ((getline line <file) > 0)
                print "```"
                skipping = 1; fences = 0
            }
        ' "$guide" >"$work/guide"
        # The guide keeps its mode.
        cat "$work/guide" >"$guide"
    done
}

ended() {
    local status=$1
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$work/log" "${block:-/dev/null}" >&2 2>/dev/null || true
    fi
    if [ -n "${KEEP:-}" ]; then work=/nonexistent; else work=$all; fi
    leave "$status"
}

main
