# Listening to what passes between devices, visitors and nodes (CAPTURE=1), for the canary: looked into as it passes, nothing is kept.
# shellcheck shell=bash disable=SC2154

# A string that is sent to a node in clear, so that whoever listens must hear it.
marker="marker-$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')"
listener='' hearer=''

# Begins to listen on loopback, to the nodes' ports alone: a browser and its driver speak there in clear, which is no matter of nodes.
listen() {
    [ -n "${CAPTURE:-}" ] || return 0
    local ports
    ports=$(printf ' or port %s' "${node_address[@]##*:}" "${node_page[@]##*:}")
    local filter=${ports# or }
    if command -v tcpdump >/dev/null; then
        set -- tcpdump -i lo -U -Z root -B 262144 -w - "$filter"
    elif command -v dumpcap >/dev/null; then
        set -- dumpcap -q -i lo -B 256 -f "$filter" -w -
    else
        unheard
        return 0
    fi
    mkfifo "$work/packets"
    LC_ALL=C grep --line-buffered -a -o -F -e "$canary" -e "$marker" <"$work/packets" >"$work/heard" &
    hearer=$!
    "$@" >"$work/packets" 2>"$work/listener.log" </dev/null &
    listener=$!
    local tries
    for tries in $(seq 200); do
        if grep -q -i -E '(listening|capturing) on' "$work/listener.log" 2>/dev/null; then return 0; fi
        kill -0 "$listener" 2>/dev/null || break
        sleep 0.05
    done
    unheard
    listener=''
}

unheard() {
    say "  (Les paquets ne sont pas écoutés : il y faut root, et tcpdump ou dumpcap.)" \
        "  (Packets are not listened to: that takes root, and tcpdump or dumpcap.)"
}

# Fails if the canary was heard, or the marker was not.
nothing_heard() {
    [ -n "$listener" ] || return 0
    local tries heard=no
    for tries in $(seq 200); do
        echo "$marker" >"/dev/udp/127.0.0.1/${node_address[0]##*:}"
        if grep -q -F "$marker" "$work/heard"; then heard=yes && break; fi
        kill -0 "$listener" 2>/dev/null || break
        sleep 0.05
    done
    kill -INT "$listener" 2>/dev/null || true
    wait "$listener" || true
    wait "$hearer" || true
    [ "$heard" = yes ] || fail "L'écoute n'entend pas ce qui passe ($tries essais)." "The listener does not hear what passes ($tries tries)."
    ! grep -q -F "$canary" "$work/heard" || fail "Ce que des personnes ont écrit passe en clair." "What people have written passes in clear."
    say "  Rien non plus dans les paquets : $(packets)." "  Nothing in the packets, either: $(packets)."
}

# What the listener says at its end of how much it heard.
packets() { grep -i -E 'captured|received/dropped' "$work/listener.log" | tail -n 1; }
