//! What the tables of SECURITY.md must hold, whatever else they do: the attacks and faults that the design asks for a test of, each by the name
//! that it has there, and for each attack where its positive control is. Without this list, a row that goes takes its rule with it.

use super::attacks::{self, CONTROLLED, DOCUMENT, Row};
use super::tree::{self, Text};

/// Where the control of an attack is: the same scenario, which succeeds where the one check is taken out that the test is about.
enum Control {
    /// Beside the test, as `control_of_…`; its row says so.
    Beside,
    /// Within the test's own file, at these words: what is shown there is that the scenario succeeds but for the check, or that the search finds.
    Within(&'static str),
    /// There is none, for this reason.
    None(&'static str),
}

use Control::{Beside, Within};

/// The attacks, by the names of their tests.
const ATTACKS: &[(&str, Control)] = &[
    ("evil_node_swaps_recipient_key", Beside),
    ("key_blob_bitflip_and_swap_matrix", Beside),
    ("no_decryption_oracle", Beside),
    ("rotation_cert_missing_or_empty_key_rejected", Beside),
    ("replayed_old_epoch_key_rejected", Beside),
    ("downgrade_fuzz_every_version_field", Beside),
    ("every_stored_byte_is_authenticated", Beside),
    ("manifest_permutation_proptest", Beside),
    ("relocate_ciphertext_rejected", Beside),
    ("framing_injection_has_no_valid_path", Beside),
    ("field_swap_matrix", Within("The control: nothing but the signature refuses it.")),
    ("policy_from_server_ignored", Beside),
    ("link_secret_never_on_wire", Within("The search itself finds what is there to be found.")),
    ("rollback_after_restart_detected", Beside),
    ("frozen_log_turns_stale_after_max_age", Beside),
    ("split_view_two_clients_detects", Beside),
    ("dropped_commit_counter_gap_alarm", Beside),
    ("stale_membership_blocks_seal", Beside),
    ("salamander_vector_rejected", Beside),
    ("rotation_with_two_keys_detected", Beside),
    ("poisoned_chunk_cannot_shadow_honest_upload", Beside),
    ("false_tag_costs_one_sealing", Beside),
    ("removed_member_learns_nothing_new", Beside),
    ("removed_device_refused_on_known_ids", Within("by_thief.get_chunks(space, ids.clone()).await\n    })?;")),
    ("have_query_cross_space_indistinguishable", Within("nothing to be found")),
    ("hostile_name_corpus_never_escapes_root", Beside),
    ("manifest_limits_fuzz", Within("The control: a page that lists as much as the content has is read.")),
    ("ransomware_device_full_restore_within_window", Beside),
    ("slow_ransomware_trips_brake", Beside),
    ("release_of_live_chunks_is_contested", Beside),
    ("archive_space_survives_silent_release", Beside),
    ("revocation_race_folds_alike", Beside),
    ("cloned_device_is_stopped", Beside),
    ("junk_posts_do_not_burn_invite", Beside),
    ("overlong_integer_refused", Beside),
    ("operator_has_no_authority_in_dashboard", Within("The control: what does change something is a signature")),
    ("revoked_charter_withheld_expires", Beside),
    ("signature_context_confusion_matrix", Beside),
    ("bad_share_identified", Within("The positive control: all three in order, nobody is named.")),
    ("cut_points_distinguisher", Beside),
    ("size_leak_budget", Beside),
    ("node_schema_is_within_L", Beside),
    ("upload_order_is_uniform", Beside),
    ("same_file_sealed_twice_shares_no_id", Beside),
    ("canary_string_absent_everywhere", Within("The search itself finds what is there to be found.")),
    ("initial_packet_fuzz_no_exit", Control::None("a library that still has the fault would have to be linked")),
    ("classical_client_refused", Beside),
    ("early_data_refused", Beside),
    ("site_outside_policy_gets_no_chunk", Beside),
    ("revoked_charter_hard_fails", Control::None("no node that goes on with a revoked one was written")),
];

/// Where a fault is played.
enum Played {
    /// By real processes, under its own name.
    ByProcesses,
    /// By real processes, under another name, since another test has its own.
    As(&'static str),
    /// Not by processes, for this reason.
    Apart(&'static str),
}

use Played::{Apart, As, ByProcesses};

/// The faults, by the names of their tests.
const FAULTS: &[(&str, Played)] = &[
    ("kill9_all_nodes_loses_nothing_acked", ByProcesses),
    ("fsync_error_is_fatal", ByProcesses),
    ("scrub_heals_random_corruption", ByProcesses),
    ("read_after_write_across_layout_change", ByProcesses),
    ("upload_spans_layout_change", ByProcesses),
    ("pending_sweep_races_commit", ByProcesses),
    ("sweep_after_reupload", ByProcesses),
    ("membership_snapshot_churn", ByProcesses),
    ("leader_clock_jump_purges_nothing", ByProcesses),
    ("lost_commit_answer_is_idempotent", Apart("which answer is lost is chosen by the simulated line")),
    ("lagging_follower_is_not_a_rollback", Apart("how far a follower is behind is chosen by the simulated node")),
    ("restored_backup_needs_reanchor", As("a_lost_cluster_is_restored_and_loses_nothing_that_a_device_has")),
    ("wiped_voter_cannot_rejoin", ByProcesses),
    ("leader_of_next_version_waits_for_feature_level", ByProcesses),
    ("directory_fsync_lost_does_not_revert_peers", Apart("what a disk loses is chosen by the simulated disk")),
    ("save_between_check_and_rename_is_kept", Apart("the moment is chosen by the simulated disk")),
    ("lost_client_cache_deletes_nothing", Apart("the same by processes is a row of bad input")),
    ("periodic_input_cut_points", Apart("a cutter is no process")),
];

/// Where real processes are.
const PROCESSES: &str = "tests/tests/processes/";

#[test]
fn every_attack_and_fault_that_is_asked_for_has_its_row() -> anyhow::Result<()> {
    let documents = tree::files("md")?;
    let security = documents.iter().find(|file| file.path == DOCUMENT);
    let rows = attacks::rows(security.map_or("", |file| file.text.as_str()));
    let sources = tree::files("rs")?;
    super::none("attacks that are asked for", &wanting(ATTACKS, &rows, &sources))?;
    super::none("faults that are asked for", &unplayed(FAULTS, &rows, &sources))
}

#[test]
fn what_is_asked_for_and_gone_is_found() {
    let rows = attacks::rows(
        "| a | x | `beside` | [a](a.rs) + control |\n| b | x | `bare` | [a](a.rs) |\n| c | x | `within` | [a](a.rs) |\n\
         | d | x | `fault` | [p](tests/tests/processes/p.rs) |\n| e | x | `fault_elsewhere` | [a](a.rs) |\n",
    );
    let source = |path: &str, text: &str| Text { path: path.to_owned(), text: text.to_owned() };
    let sources = [
        source("a.rs", "fn fault_elsewhere() {}\n// The control: so."),
        source("tests/tests/processes/p.rs", "fn fault() {}"),
    ];
    let asked = [
        ("beside", Beside),
        ("bare", Beside),
        ("bare", Control::None("a reason")),
        ("beside", Control::None("there is one")),
        ("within", Within("The control: so.")),
        ("within", Within("The control: else.")),
        ("gone", Beside),
    ];
    assert_eq!(wanting(&asked, &rows, &sources).len(), 4, "{:?}", wanting(&asked, &rows, &sources));
    let faults = [
        ("fault", ByProcesses),
        ("fault_elsewhere", ByProcesses),
        ("fault_elsewhere", Apart("a reason")),
        ("fault_elsewhere", As("fault")),
        ("fault_elsewhere", As("gone")),
        ("gone", Apart("a reason")),
    ];
    assert_eq!(unplayed(&faults, &rows, &sources).len(), 3, "{:?}", unplayed(&faults, &rows, &sources));
}

fn row_of<'a>(test: &str, rows: &'a [Row]) -> Option<&'a Row> {
    rows.iter().find(|row| row.tests.iter().any(|named| named == test))
}

/// Whether a file that the row links to holds these words.
fn holds(row: &Row, sources: &[Text], words: &str) -> bool {
    row.linked().any(|path| sources.iter().any(|file| file.path == path && file.text.contains(words)))
}

fn wanting(asked: &[(&str, Control)], rows: &[Row], sources: &[Text]) -> Vec<String> {
    let mut found = Vec::new();
    for (test, control) in asked {
        let Some(row) = row_of(test, rows) else {
            found.push(format!("{DOCUMENT} has no row with `{test}`"));
            continue;
        };
        let is_as_told = match control {
            Beside => row.place.ends_with(CONTROLLED),
            Within(words) => !row.place.ends_with(CONTROLLED) && holds(row, sources, words),
            Control::None(reason) => !row.place.ends_with(CONTROLLED) && !reason.is_empty(),
        };
        if !is_as_told {
            found.push(format!("{DOCUMENT}:{}: the control of `{test}` is not where this list has it", row.line));
        }
    }
    found
}

fn unplayed(asked: &[(&str, Played)], rows: &[Row], sources: &[Text]) -> Vec<String> {
    let mut found = Vec::new();
    let is_by_processes = |row: &Row, test: &str| {
        let declaration = format!("fn {test}(");
        row.linked().any(|path| {
            path.starts_with(PROCESSES)
                && sources.iter().any(|file| file.path == path && file.text.contains(&declaration))
        })
    };
    for (test, played) in asked {
        let Some(row) = row_of(test, rows) else {
            found.push(format!("{DOCUMENT} has no row with `{test}`"));
            continue;
        };
        let is_as_told = match played {
            ByProcesses => is_by_processes(row, test),
            As(other) => row_of(other, rows).is_some_and(|row| is_by_processes(row, other)),
            Apart(reason) => !is_by_processes(row, test) && !reason.is_empty(),
        };
        if !is_as_told {
            found.push(format!("{DOCUMENT}:{}: `{test}` is not played where this list has it", row.line));
        }
    }
    found
}
