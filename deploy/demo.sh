#!/usr/bin/env bash
# The whole story on loopback, with real processes: an organisation, three nodes on three sites, a person with two devices, a
# folder that is sealed, stored, and comes back byte for byte, also while a node is killed and another loses its disk. Run it by
# `make demo`, which builds the programs first.
#
#   DIR=…      syncs a copy of that folder instead of this repository's tree and a generated 256 MiB file
#   KEEP=1     leaves node and folders up at the end, and says how to reach and how to end them
#   CAPTURE=1  also listens to what passes between devices, visitors and nodes, and looks into it (as root, with tcpdump or dumpcap)
#
# A string that is nowhere else, the canary, stands in what people write, choose and name: contents, names of files and folders, a note,
# passwords, what a stranger drops. At the end it is looked for in all that nodes have and say.
#
# Everything is in one temporary folder; every process is ended by its own identifier, however the script ends.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/demo/parts.sh
. deploy/demo/packets.sh
. deploy/demo/secrets.sh

programs=${CARGO_TARGET_DIR:-$HOME/.cache/vauban/target}/release
PATH=$programs:$PATH
big_bytes=$((256 * 1024 * 1024))
# What is sent while a node is killed, and how much of it before.
late_bytes=$((128 * 1024 * 1024))
killed_after_bytes=$((32 * 1024 * 1024))
# Seconds until every copy must be there again.
healed_seconds=180

# The nodes, by number: their machines, sites and departments; and, once they run, their processes, identifiers and pages.
machines=(paris lyon lille)
sites=(Paris-1 Lyon-1 Lille-1)
departments=(75 69 59)
node_address=() node_process=() node_name=() node_web=() node_page=()

main() {
    have_programs demo
    work=$(mktemp -d "${TMPDIR:-/tmp}/vauban-demo.XXXXXX")
    trap 'leave $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    umask 077
    canary="canary-$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')"
    head -c 24 /dev/urandom | base64 >"$work/passphrase"
    export VAUBAN_PASSPHRASE_FILE=$work/passphrase VAUBAN_ROOT_PASSPHRASE_FILE=$work/passphrase

    # Commands are shown on the script's own output, even where theirs goes elsewhere.
    exec 4>&1

    organisation
    nodes
    people
    first_device
    second_device
    one_byte
    node_lost
    node_back
    disk_replaced
    sharing
    guardians
    handed_over
    asked_for
    stolen_laptop
    recovered
    nothing_readable
    ending
}

# --- acts -----------------------------------------------------------------------------------------------------------

organisation() {
    act "L'agence crée son organisation : la racine et ses clés restent sur la machine de l'admin." \
        "The agency creates its organisation: the root and its keys stay on the admin's machine."
    as admin vauban org create "Agence de démonstration"
}

nodes() {
    act "Trois nœuds, sur trois sites, demandent chacun une charte ; la racine la signe : où il est, qui l'opère, sous quel droit." \
        "Three nodes, on three sites, ask for a charter each; the root signs it: where it is, who runs it, under which law."
    local at
    # Ports are released here, and bound again by the nodes.
    for at in "${!sites[@]}"; do
        free_port udp
        node_address[at]=127.0.0.1:$port
        free_port tcp
        node_page[at]=127.0.0.1:$port
    done
    listen
    for at in "${!sites[@]}"; do
        charter "$at"
        start "$at"
        # The founding node runs alone at first; each further one waits for its place, copies the metadata, and takes part.
        as admin vauban admin node add "${node_name[at]}" --address "${node_address[at]}" --capacity 8TB
        await "$work/${machines[at]}.out" '^ready ' "${node_process[at]}"
        ready "$at"
    done
    local seconds
    until_so settled
    say "  trois copies de chaque fragment, une par site, après $seconds s." "  three copies of each chunk, one on each site, after $seconds s."
    status_of 0
}

# Makes the keys of a node, and has them chartered.
charter() {
    local at=$1
    as "${machines[at]}" vauban-node init --data "$work/${machines[at]}" --listen "${node_address[at]}"
    sed -i -e 's/127\.0\.0\.1:9433/127.0.0.1:0/' -e 's/^reserve = .*/reserve = "16 MiB"/' \
        -e "s/^# listen = \"127\.0\.0\.1:9480\"/listen = \"${node_page[at]}\"/" "$work/${machines[at]}/node.toml"
    as admin vauban org charter "$work/${machines[at]}/node-request.vbq" --site "${sites[at]}" --department "${departments[at]}" \
        --country FR --operator "DSI de l'agence" --siren 110000015 --regime "droit français" --out "$work/${machines[at]}.vba"
    as "${machines[at]}" vauban-node admit --data "$work/${machines[at]}" "$work/${machines[at]}.vba"
}

# Starts a node, and waits until it says that it is ready, or waits for a place.
start() {
    local at=$1
    prompt "${machines[at]}" vauban-node run --data "$work/${machines[at]}"
    # What an earlier run of it said is not waited for.
    : >"$work/${machines[at]}.out"
    setsid vauban-node run --data "$work/${machines[at]}" >"$work/${machines[at]}.out" 2>>"$work/${machines[at]}.log" </dev/null &
    node_process[at]=$!
    await "$work/${machines[at]}.out" '^\(ready\|waiting\) ' "${node_process[at]}"
    node_name[at]=$(sed -n 's/^[a-z]* .*node=\([^ ]*\).*/\1/p' "$work/${machines[at]}.out" | sed -n 1p)
    cat "$work/${machines[at]}.out"
    ready "$at"
}

# Where the page of a node that is ready stands.
ready() { node_web[$1]=$(sed -n 's/^ready .*web=\([^ ]*\).*/\1/p' "$work/${machines[$1]}.out"); }

people() {
    act "Alice est invitée, puis ajoute un second appareil ; personne ne fait confiance au nœud pour cela." \
        "Alice is invited, then adds a second device; nobody trusts the node for that."
    kept "$work/invite" admin vauban user invite alice
    join laptop "$(code "$work/invite")" admin vauban user accept --wait

    prompt laptop vauban device add
    VAUBAN_HOME=$work/laptop vauban device add >"$work/add" 2>"$work/add.log" </dev/null &
    local adding=$!
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
    mkdir "$from/$canary"
    echo "The content $canary is for members alone." >"$from/$canary/$canary.txt"
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
    same_on_both
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
    same_on_both
    say "  et le fixe l'a reçu : identiques." "  and the desktop has it: identical."
}

node_lost() {
    act "D'autres fichiers partent ; le nœud qui les reçoit est tué (kill -9) au milieu. Le portable continue par un autre." \
        "More files are sent; the node that takes them in is killed (kill -9) half-way. The laptop goes on through another."
    local at before sending tries
    lost=''
    # On a fast machine an upload may be over before the node is killed: then another one.
    for tries in 1 2 3 4 5; do
        head -c "$late_bytes" /dev/urandom >"$work/laptop-files/late.bin"
        before=()
        for at in "${!sites[@]}"; do before[at]=$(metric "$at" vauban_uploaded_bytes_total); done
        [ "$tries" -gt 1 ] || prompt laptop vauban sync Projets "$work/laptop-files" --once
        began
        VAUBAN_HOME=$work/laptop vauban sync Projets "$work/laptop-files" --once >"$work/late.out" 2>"$work/late.log" </dev/null &
        sending=$!
        while [ -z "$lost" ] && kill -0 "$sending" 2>/dev/null; do
            for at in "${!sites[@]}"; do
                [ $(($(metric "$at" vauban_uploaded_bytes_total) - before[at])) -le "$killed_after_bytes" ] || lost=$at
            done
            sleep 0.05
        done
        # One that ended meanwhile was not cut off.
        if [ -n "$lost" ] && kill -0 "$sending" 2>/dev/null; then break; fi
        lost=''
        wait "$sending" || { cat "$work/late.log" >&2; fail "L'envoi n'a pas abouti." "The upload did not succeed."; }
    done
    [ -n "$lost" ] || fail "L'envoi a fini avant que le nœud soit tué." "The upload ended before the node was killed."
    prompt "${machines[lost]}" kill -9 "${node_process[lost]}"
    kill -KILL "${node_process[lost]}"
    wait "${node_process[lost]}" 2>/dev/null || true
    wait "$sending" || { cat "$work/late.log" >&2; fail "L'envoi n'a pas abouti." "The upload did not succeed."; }
    took
    cat "$work/late.out"
    status_of $(((lost + 1) % 3))
    as desktop vauban sync Projets "$work/desktop-files" --once
    same_on_both
    say "  rien n'est perdu : envoyé en $seconds s malgré cela, et reçu par le fixe, identique." \
        "  nothing is lost: sent in $seconds s despite it, and received by the desktop, identical."
}

node_back() {
    act "Le nœud revient ; il lui manque ce qui est arrivé sans lui, et il va le chercher." \
        "The node comes back; it lacks what came without it, and fetches that."
    start "$lost"
    local had seconds
    had=$(metric "$lost" vauban_chunks)
    until_so complete
    say "  $had fragments au retour, $(metric "$lost" vauban_chunks) après $seconds s, comme les autres." \
        "  $had chunks when it came back, $(metric "$lost" vauban_chunks) after $seconds s, as the others have."
    status_of "$lost"
}

disk_replaced() {
    act "Un autre nœud reçoit un disque vide : il le remplit à partir des autres." \
        "Another node is given an empty disk: it fills it from the others."
    local at=$(((lost + 1) % 3)) seconds
    prompt "${machines[at]}" kill "${node_process[at]}"
    kill -TERM "${node_process[at]}"
    wait "${node_process[at]}" || fail "Le nœud ne s'est pas arrêté proprement." "The node did not stop cleanly."
    as "${machines[at]}" rm -r "$work/${machines[at]}/chunks"
    start "$at"
    began
    until_so complete
    say "  $(metric "$at" vauban_chunks) fragments sont de nouveau là après $seconds s." \
        "  $(metric "$at" vauban_chunks) chunks are there again after $seconds s."
    # All that the other two have could go now.
    as desktop vauban fsck Projets
}

sharing() {
    act "Alice partage l'espace avec Bob, qui y ajoute un fichier ; puis elle l'en retire, et ce qui suit lui est fermé." \
        "Alice shares the space with Bob, who adds a file; then she removes him, and what follows is closed to him."
    enrol bob
    as laptop vauban space add Projets bob
    mkdir "$work/bob-files"
    as bob vauban sync Projets "$work/bob-files" --once
    echo "Bob was here." >"$work/bob-files/from-bob.txt"
    as bob vauban sync Projets "$work/bob-files" --once
    as laptop vauban sync Projets "$work/laptop-files" --once
    cmp "$work/bob-files/from-bob.txt" "$work/laptop-files/from-bob.txt"
    as laptop vauban space members Projets

    as laptop vauban space remove Projets bob
    echo "For those who stay." >"$work/laptop-files/after-bob.txt"
    as laptop vauban sync Projets "$work/laptop-files" --once
    refused bob vauban sync Projets "$work/bob-files" --once
    [ ! -e "$work/bob-files/after-bob.txt" ] || fail "Bob lit encore." "Bob still reads."
    seized
}

# That an honest node refuses Bob shows little: here a node helps him, with all that it has.
seized() {
    [ -x "$programs/vauban-seized" ] || {
        say "  (Hors de « make demo », la saisie d'un nœud est sautée.)" "  (Outside \`make demo\`, the seizing of a node is left out.)"
        return 0
    }
    local at=1 seconds
    until_so complete
    until_so level
    prompt "${machines[at]}" kill "${node_process[at]}"
    kill -TERM "${node_process[at]}"
    wait "${node_process[at]}" || fail "Le nœud ne s'est pas arrêté proprement." "The node did not stop cleanly."
    as thief cp -R "$work/${machines[at]}" "$work/seized"
    start "$at"
    say "  Tout le disque d'un nœud et toutes les clés de Bob, dans une même main : chaque clé est essayée sur tout." \
        "  The whole disk of a node and all of Bob's keys, in one hand: each key is tried on everything."
    as thief vauban-seized removed "$work/bob" "$work/passphrase" "$work/seized"
    say "  Les clés d'Alice sur le même disque :" "  Alice's keys on the same disk:"
    as thief vauban-seized member "$work/laptop" "$work/passphrase" "$work/seized"
    rm -r "$work/seized"
}

guardians() {
    act "Alice confie ses clés à trois gardiens : deux d'entre eux, ensemble, pourront les lui rendre ; un seul n'en sait rien." \
        "Alice entrusts her keys to three guardians: two of them, together, can give them back; one alone learns nothing."
    enrol carole
    enrol david
    as desktop vauban recovery setup --guardians bob,carole,david --threshold 2
}

handed_over() {
    act "Un lien avec mot de passe montre un fichier à qui n'a pas de compte ; ce qui l'ouvre suit le « # », que les nœuds n'ont jamais." \
        "A link with a password shows a file to somebody without an account; what opens it follows the #, which nodes never have."
    echo "$canary-$(head -c 9 /dev/urandom | base64)" >"$work/link-password"
    given "$work/link-password" as desktop vauban link create Projets:from-bob.txt --expires 2d --password-stdin >"$work/link"
    link=$(cat "$work/link")
    echo guess >"$work/guess"
    given "$work/guess" refused visitor vauban link get "$link" "$work/visitor-files" --password-stdin
    given "$work/link-password" as visitor vauban link get "$link" "$work/visitor-files" --password-stdin
    cmp "$work/laptop-files/from-bob.txt" "$work/visitor-files/from-bob.txt"
    browser || { no_browser; return 0; }
    prompt visitor chromium "$link"
    visits open "$link" "$work/link-password" "$work/visitor-browser"
    cmp "$work/laptop-files/from-bob.txt" "$work/visitor-browser/from-bob.txt"
}

asked_for() {
    act "Alice demande des fichiers à qui n'a pas de compte : ils sont scellés dans le navigateur, et seuls les membres les lisent." \
        "Alice asks for files from somebody without an account: they are sealed in the browser, and members alone read them."
    local note="The papers of $canary, please."
    given "$work/link-password" as desktop vauban link request "Projets:Received $canary" --note "$note" --max-size 40MB --password-stdin \
        >"$work/request"
    request=$(cat "$work/request")
    browser || { no_browser; return 0; }
    mkdir "$work/to-drop"
    head -c 5000000 /dev/urandom >"$work/to-drop/$canary.bin"
    echo "A stranger wrote $canary." >"$work/to-drop/letter of $canary.txt"
    prompt visitor chromium "$request"
    visits drop "$request" "$work/link-password" "$work/to-drop/$canary.bin" "$work/to-drop/letter of $canary.txt"
    as desktop vauban link list Projets
    as desktop vauban sync Projets "$work/desktop-files" --once
    same "$work/to-drop" "$work/desktop-files/Received $canary"
    as laptop vauban sync Projets "$work/laptop-files" --once
}

stolen_laptop() {
    act "Le portable est volé : une commande, depuis le fixe, le ferme dehors et change les clés." \
        "The laptop is stolen: one command, from the desktop, locks it out and changes the keys."
    as desktop vauban sync Projets "$work/desktop-files" --once
    same_on_both
    as desktop vauban device revoke laptop
    refused laptop vauban ls Projets
    as desktop vauban space members Projets
}

recovered() {
    act "Le fixe brûle aussi : Alice n'a plus rien. L'admin accepte un téléphone, deux gardiens qu'elle appelle lui rendent ses clés." \
        "The desktop burns, too: Alice has nothing left. The admin accepts a phone, and two guardians whom she calls give it her keys."
    local words
    as desktop rm -r "$work/desktop"
    as admin vauban device revoke desktop --user alice
    kept "$work/recover" admin vauban user recover alice
    kept "$work/words" phone vauban recovery begin --invite "$(code "$work/recover")" --name phone
    words=$(sed -n 's/^  \(\([a-z]\{5\} \)\{5,\}[a-z]\{5\}\)$/\1/p' "$work/words")
    as admin vauban user accept --wait
    # Bob compares what he hears with what his own screen says.
    refused bob vauban recovery approve alice --words "babab ${words#* }"
    as bob vauban recovery approve alice --words "$words"
    as carole vauban recovery approve alice --words "$words"
    as phone vauban recovery finish
    mkdir "$work/phone-files"
    as phone vauban sync Projets "$work/phone-files" --once
    same "$work/desktop-files" "$work/phone-files"
    say "  tout est là : identique à ce que le fixe avait." "  all is there: identical to what the desktop had."
}

nothing_readable() {
    act "Ce que les nœuds ont sur leurs disques, dans leurs journaux et leurs métriques : ni nom, ni contenu." \
        "What the nodes have on their disks, in their logs and metrics: no name, no content."
    local at theirs=()
    for at in "${!sites[@]}"; do
        metrics "$at" >>"$work/metrics"
        theirs+=("$work/${machines[at]}" "$work/${machines[at]}.out" "$work/${machines[at]}.log")
    done
    # Names long enough not to occur by chance, and lines of text as content.
    (cd "$work/laptop-files" && find . -type f -not -path './.vauban/*' -printf '%f\n') |
        awk 'length >= 10' | sort -u | awk "NR <= 500" >"$work/patterns"
    # What this repository says of a node's options each node says, too.
    find "$work/laptop-files" -type f -size -256k -not -path '*/.vauban/*' -not -name node.toml -exec cat {} + |
        LC_ALL=C grep -a -E '^[ -~]{32,200}$' | sort -u | awk 'NR % 17 == 0 && kept++ < 500' >>"$work/patterns"
    # The canary; the space's name.
    printf '%s\n' "$canary" Projets >>"$work/patterns"
    local searched found nodes_bytes
    nodes_bytes=$(bytes_of "${machines[@]/#/$work/}")
    searched=$(wc -l <"$work/patterns")
    LC_ALL=C grep -r -a -q -F -f "$work/patterns" "$work/phone-files" ||
        fail "La recherche ne trouve rien là où tout est en clair." "The search finds nothing where all is in clear."
    # A file that a node has merged away meanwhile is an error of grep's; what it finds counts all the same.
    found=$(LC_ALL=C grep -r -a -o -F -f "$work/patterns" "${theirs[@]}" "$work/metrics") || true
    if [ -n "$found" ]; then
        echo "$found" | sed -n 1,10p >&2
        fail "Un nœud sait lire quelque chose." "A node can read something."
    fi
    say "  $searched noms et lignes cherchés dans $(human "$nodes_bytes") : aucun. (Les mêmes, dans le dossier d'Alice : trouvés.)" \
        "  $searched names and lines searched in $(human "$nodes_bytes"): none. (The same, in Alice's folder: found.)"
    no_secret_of "$link" "$request" -- "${theirs[@]}" "$work/metrics"
    say "  Ni ce qui ouvre le lien ou la demande : ni octets, ni hexadécimal, ni adresse." \
        "  Nor what opens the link or the request: no bytes, no hexadecimal, no address."
    nothing_heard
}

ending() {
    say "
Reçu des appareils : $(human "$sent_first") scellés pour $(human "$plain") en clair, puis gardés en trois copies." "
Received from devices: $(human "$sent_first") sealed for $(human "$plain") in clear, then kept in three copies."
    if [ -n "${KEEP:-}" ]; then
        say "
Tout reste en place (KEEP=1) :
  export VAUBAN_HOME=$work/phone VAUBAN_PASSPHRASE_FILE=$work/passphrase PATH=$programs:\$PATH
  vauban ls Projets
  tableaux de bord : $(printf 'http://%s/ ' "${node_web[@]}")
Pour finir : kill ${node_process[*]} && rm -r $work" "
All stays up (KEEP=1):
  export VAUBAN_HOME=$work/phone VAUBAN_PASSPHRASE_FILE=$work/passphrase PATH=$programs:\$PATH
  vauban ls Projets
  dashboards: $(printf 'http://%s/ ' "${node_web[@]}")
To end it: kill ${node_process[*]} && rm -r $work"
        return
    fi
    local at
    for at in "${!sites[@]}"; do kill -TERM "${node_process[at]}"; done
    for at in "${!sites[@]}"; do
        wait "${node_process[at]}" || fail "Un nœud ne s'est pas arrêté proprement." "A node did not stop cleanly."
    done
    say "Les nœuds se sont arrêtés ; rien ne reste." "The nodes have stopped; nothing is left."
}

main
