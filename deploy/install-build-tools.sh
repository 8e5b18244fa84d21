#!/bin/sh
# Finds what the build needs, and installs what is missing: Debian packages by apt, where this is root or has sudo
# without a question. Otherwise says which command to run, and fails. Writes nothing where all is there.
set -eu
cd "$(dirname "$0")/.."

case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in fr*) french=yes ;; *) french=no ;; esac
say() { if [ "$french" = yes ]; then echo "$1" >&2; else echo "$2" >&2; fi; }
has() { command -v "$1" >/dev/null 2>&1; }

# RocksDB's bindings are generated at build time by the C interface of clang.
has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    ldconfig -p 2>/dev/null | grep -q 'libclang' && return 0
    for library in /usr/lib/llvm*/lib/libclang*.so* /usr/lib/*/libclang*.so* /usr/lib64/libclang*.so*; do
        [ -e "$library" ] && return 0
    done
    return 1
}

# Debian 13 packages rustup; before that, a person installs it.
wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
has_rustup_package() { LC_ALL=C apt-cache policy rustup 2>/dev/null | grep -q 'Candidate: [0-9]'; }

missing=''
need() { missing="$missing $1"; }
has cc || need gcc
has c++ || need g++
has clang || need clang
has_libclang || need libclang-dev
has cmake || need cmake
has make || need make
has pkg-config || need pkg-config
has git || need git
has perl || need perl
if ! has cargo && [ ! -x "${HOME:-}/.cargo/bin/cargo" ] && has_rustup_package; then need rustup; fi

if [ -n "$missing" ]; then
    if ! has apt-get; then
        say "Il manque :$missing. Installez-les avec le gestionnaire de paquets de ce système." \
            "Missing:$missing. Install them with this system's package manager."
        exit 1
    elif [ "$(id -u)" -eq 0 ]; then
        as_root=''
    elif has sudo && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        say "Il manque :$missing. Lancez d'abord, en administrateur : apt-get install -y$missing" \
            "Missing:$missing. First run, as an administrator: apt-get install -y$missing"
        exit 1
    fi
    say "Installation de :$missing" "Installing:$missing"
    # Both variables are lists of words on purpose.
    # shellcheck disable=SC2086
    $as_root apt-get update -q
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi

# The compiler: the version that Cargo.toml names, or a later one.
if has rustup && ! rustc --version >/dev/null 2>&1; then
    rustup default stable
fi
if ! has cargo; then
    if [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
        say "cargo est dans ~/.cargo/bin, absent de PATH : lancez « . ~/.cargo/env », et relancez." \
            "cargo is in ~/.cargo/bin, which PATH lacks: run \`. ~/.cargo/env\`, and this again."
    else
        say "Il manque Rust $wanted : installez-le par https://rustup.rs, et relancez." \
            "Rust $wanted is missing: install it by https://rustup.rs, and run this again."
    fi
    exit 1
fi
found=$(rustc --version | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
oldest=$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)
if [ "$oldest" != "$wanted" ]; then
    say "Rust $found est trop ancien : il faut $wanted. Lancez « rustup update stable »." \
        "Rust $found is too old: $wanted is needed. Run \`rustup update stable\`."
    exit 1
fi
