//! Bad input of every kind: a clear error of two lines, its own exit code, and nothing lost.

mod at_rest;
mod files;
mod node_side;
mod people;

/// The client's exit codes, as `vauban --help` documents them.
mod exit {
    pub(super) const USAGE: i32 = 2;
    pub(super) const PASSPHRASE: i32 = 4;
    pub(super) const REFUSED: i32 = 5;
    pub(super) const UNREACHABLE: i32 = 6;
    pub(super) const POLICY: i32 = 7;
    pub(super) const INVITE: i32 = 9;
    pub(super) const LOCAL: i32 = 10;
    pub(super) const PARTIAL: i32 = 11;
    pub(super) const MISBEHAVED: i32 = 12;
    pub(super) const WARNING: i32 = 14;
}
