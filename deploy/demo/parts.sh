# What the acts of deploy/demo.sh are made of: words, commands as somebody, waiting, figures, and how all of it ends.
# shellcheck shell=bash disable=SC2154

case "${VAUBAN_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in fr*) VAUBAN_LANG=fr ;; *) VAUBAN_LANG=en ;; esac
export VAUBAN_LANG

say() { if [ "$VAUBAN_LANG" = fr ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi; }
fail() { say "ÉCHEC : $1" "FAILED: $2" >&2; exit 1; }

# Fails unless the programs were built, which `make TARGET` does.
have_programs() {
    local program
    for program in vauban vauban-node; do
        [ -x "$programs/$program" ] || fail "$programs/$program manque : lancez « make $1 »." \
            "$programs/$program is missing: run \`make $1\`."
    done
}

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
        vauban1-* | vauban:#*) word="${word:0:16}…" ;;
        http://*/#*) word="${word%%#*}#…" ;;
        *\'*) word="\"$word\"" ;;
        *[[:space:]]*) word="'$word'" ;;
        esac
        line="$line $word"
    done
    printf '  %s\n' "$line" >&4
}

# Runs a command as one of the machines: each has a home of its own. The shell waits for it, so that it can be asked to end meanwhile: never
# in a pipeline or in `$(…)`, whose shells are asked nothing and whose children `leave` does not see.
as() {
    prompt "$@"
    local who=$1
    shift
    VAUBAN_HOME=$work/$who "$@" <"${input:-/dev/null}" &
    wait $!
}

# Runs it (or what else) with a file as its input.
given() {
    local input=$1
    shift
    "$@"
}

# Runs a command as one of the machines, shows what it has said once it has ended, and keeps it in a file.
kept() {
    local file=$1 status=0
    shift
    as "$@" >"$file" || status=$?
    cat "$file"
    return "$status"
}

# Runs the program that plays somebody at a browser, in a session that ends as a whole: it starts programs of its own.
visits() {
    setsid vauban-visitor "$@" </dev/null &
    wait $!
}

# Runs a command that nodes must refuse.
refused() {
    if as "$@"; then fail "Ce n'est pas refusé." "This is not refused."; fi
}

# A new device answers an invite while the inviter's side finishes it.
join() {
    local device=$1 invite=$2
    shift 2
    prompt "$device" vauban init --invite "$invite" --name "$device"
    VAUBAN_HOME=$work/$device vauban init --invite "$invite" --name "$device" >"$work/join.out" 2>"$work/join.log" </dev/null &
    local joining=$!
    as "$@"
    wait "$joining" || { cat "$work/join.log" >&2; fail "L'inscription a échoué." "Joining failed."; }
    cat "$work/join.out"
}

# Invites a person, whose first device is called alike.
enrol() {
    kept "$work/invite-$1" admin vauban user invite "$1"
    join "$1" "$(code "$work/invite-$1")" admin vauban user accept --wait
}

# Draws a port (`port`) that is free now, and that was not drawn before; whoever gets it binds it again, maybe much later: so it is none of
# those that the system gives to connections.
ports=()
free_port() {
    local tries
    for tries in $(seq 100); do
        port=$((20000 + RANDOM % 12000))
        case " ${ports[*]} " in *" $port "*) continue ;; esac
        if LC_ALL=C perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(Proto => $ARGV[0], LocalAddr => "127.0.0.1", LocalPort => $ARGV[1])' \
            "$1" "$port"; then
            ports+=("$port")
            return
        fi
    done
    fail "Aucun port n'est libre ($tries essais)." "No port is free ($tries tries)."
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

# Waits until something is so, and sets how many seconds that took (`seconds`).
until_so() {
    local so=$1 since=$EPOCHREALTIME
    while ! "$so"; do
        awk -v a="$since" -v b="$EPOCHREALTIME" -v most="$healed_seconds" 'BEGIN { exit b - a > most }' ||
            fail "Cela ne vient pas ($so, $healed_seconds s)." "It does not come ($so, $healed_seconds s)."
        sleep 0.2
    done
    seconds=$(awk -v a="$since" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
}

# Whether every node has what the layout gives it.
settled() {
    local at
    for at in "${!sites[@]}"; do [ "$(metric "$at" vauban_layout_waiting_nodes)" -eq 0 ] || return 1; done
}

# Whether every node has as many chunks as the first: with three copies on three nodes, each has all.
complete() {
    local at all
    all=$(metric 0 vauban_chunks)
    for at in "${!sites[@]}"; do [ "$(metric "$at" vauban_chunks)" -eq "$all" ] || return 1; done
}

# Whether every node has applied as much of what is ordered as the first.
level() {
    local at applied
    applied=$(metric 0 vauban_applied_index)
    for at in "${!sites[@]}"; do [ "$(metric "$at" vauban_applied_index)" -eq "$applied" ] || return 1; done
}

status_of() { as "${machines[$1]}" vauban-node cluster status --data "$work/${machines[$1]}"; }

same_on_both() { same "$work/laptop-files" "$work/desktop-files"; }
same() {
    diff -r --no-dereference --exclude .vauban "$1" "$2" || fail "Les deux dossiers diffèrent." "The two folders differ."
}

# Whether somebody without an account can be played at a browser: Chromium with its driver, and the program that `make demo` builds.
browser() { [ -x "$programs/vauban-visitor" ] && command -v chromium && command -v chromedriver; } >/dev/null
no_browser() {
    say "  (Sans Chromium et chromedriver, ou hors de « make demo », l'étape du navigateur est sautée.)" \
        "  (Without Chromium and chromedriver, or outside \`make demo\`, the browser's step is left out.)"
}

# A node's own page, without any tool.
metrics() {
    local web=${node_web[$1]}
    exec 3<>"/dev/tcp/${web%:*}/${web##*:}"
    printf 'GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$web" >&3
    timeout 10 cat <&3
    exec 3>&-
}
# One figure of it; none, and 0, where the node is down.
metric() { { metrics "$1" 2>/dev/null || true; } | awk -v name="$2" '$1 == name { value = $2 } END { printf "%d", value }'; }
# Bytes of chunks that the nodes have received from devices.
stored() {
    local at sum=0
    for at in "${!sites[@]}"; do sum=$((sum + $(metric "$at" vauban_uploaded_bytes_total))); done
    echo "$sum"
}

bytes_of() { find "$@" -type f -not -path '*/.vauban/*' -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }'; }
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

# Ends what the script has started and not yet seen ending, and removes its folder. Numbers of processes are given out anew: only those of
# children that still run are the script's.
leave() {
    local status=$1
    trap - EXIT INT TERM
    if [ "$status" -eq 0 ] && [ -n "${KEEP:-}" ]; then exit 0; fi
    signal_all TERM
    local tries
    for tries in $(seq 200); do
        [ -n "$(jobs -pr)" ] || break
        sleep 0.05
    done
    [ "$tries" -lt 200 ] || signal_all KILL
    if [ "$status" -ne 0 ]; then tail -n 5 "$work"/*.log >&2 2>/dev/null || true; fi
    rm -rf "$work"
    exit "$status"
}

# Sends a signal to each child that still runs, and to all of its group where it leads one.
signal_all() {
    local process
    for process in $(jobs -pr); do
        kill -s "$1" -- "-$process" 2>/dev/null || kill -s "$1" "$process" 2>/dev/null || true
    done
}
