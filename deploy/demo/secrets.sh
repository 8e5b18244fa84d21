# Looking for what opens a link where it must not be.
# shellcheck shell=bash

# Lists the files, below some folders, in which what opens one of some links stands: as bytes, in hexadecimal, or as the address has it. In an
# address (client/src/shared_link/address.rs) these are 32 bytes, behind version, flags, fingerprint and identifier. What is removed while
# this looks is passed over, as what a database has merged.
#   with_secret_of ADDRESS… -- FOLDER…
with_secret_of() {
    local addresses=()
    while [ "$1" != -- ]; do
        addresses+=("$1")
        shift
    done
    shift
    find "$@" -ignore_readdir_race -type f -print0 | LC_ALL=C perl -MMIME::Base64=decode_base64url -e '
        my @sought;
        for my $address (@ARGV) {
            my ($fragment) = $address =~ /#([A-Za-z0-9_-]+)$/ or die "no address of a link\n";
            my $secret = substr decode_base64url($fragment), 50, 32;
            length $secret == 32 or die "an address that was cut short\n";
            # Three bytes are four letters: those that the secret alone determines.
            push @sought, $secret, unpack("H*", $secret), substr $fragment, 68, 40;
        }
        local $/ = "\0";
        FILE: while (my $name = <STDIN>) {
            chomp $name;
            my $file;
            if (!open $file, "<:raw", $name) { -e $name ? die "$name: $!\n" : next }
            my $seen = "";
            while (read $file, my $block, 1 << 20) {
                $seen .= $block;
                for my $bytes (@sought) {
                    if (index($seen, $bytes) >= 0) { print "$name\n"; next FILE }
                }
                # What is sought may lie across two blocks.
                $seen = substr $seen, -64 if length $seen > 64;
            }
        }' "${addresses[@]}"
}

# Fails if what opens one of some links stands below some folders, or if it is not found where it is.
#   no_secret_of ADDRESS… -- FOLDER…
no_secret_of() {
    local addresses=() address found control=$work/control
    while [ "$1" != -- ]; do
        addresses+=("$1")
        shift
    done
    mkdir -p "$control"
    for address in "${addresses[@]}"; do
        rm -f "$control"/*
        # No padding stands in an address, which is what is complained about.
        printf '%s' "${address#*#}" | tr -- '-_' '+/' | base64 -d >"$control/bytes" 2>/dev/null || true
        head -c 82 "$control/bytes" | tail -c 32 | od -An -v -tx1 | tr -d ' \n' >"$control/hexadecimal"
        printf '%s\n' "$address" >"$control/address"
        found=$(with_secret_of "${addresses[@]}" -- "$control")
        [ "$(wc -l <<<"$found")" -eq 3 ] ||
            fail "La recherche ne trouve pas ce qui ouvre un lien là où c'est." "The search does not find what opens a link where it is."
    done
    found=$(with_secret_of "${addresses[@]}" "$@")
    [ -z "$found" ] || fail "Un nœud a ce qui ouvre un lien : $found" "A node has what opens a link: $found"
}
