//! A new device starts from a checkpoint, with real programs: at once, and in the end with everything.

use vauban_tests::agency::{Agency, utf8};

#[test]
fn a_new_device_starts_from_a_checkpoint() -> anyhow::Result<()> {
    let (agency, _node) = Agency::found()?;
    let one = agency.enrol("alice")?;
    one.run(&["space", "create", "Projets"])?;
    let (here, there) = (agency.folder().join("here"), agency.folder().join("there"));
    std::fs::create_dir_all(here.join("folder"))?;
    std::fs::create_dir(&there)?;
    for number in 0..50 {
        std::fs::write(here.join(format!("folder/file-{number}")), format!("content {number}"))?;
    }
    let (here_text, there_text) = (utf8(&here)?, utf8(&there)?);
    let (sync_here, sync_there) =
        (["sync", "Projets", &here_text, "--once"], ["sync", "Projets", &there_text, "--once"]);
    one.run(&sync_here)?;
    let written = one.run(&["space", "checkpoint", "Projets"])?.stdout;
    assert!(written.contains("Checkpoint written: 51 entries"), "{written}");
    std::fs::write(here.join("folder/file-7"), "written after the checkpoint")?;
    one.run(&sync_here)?;

    let other = agency.add_device(&one, "portable")?;
    let listed = other.run(&["ls", "Projets:folder"])?.stdout;
    assert!(listed.contains("file-49"), "{listed}");
    assert_eq!(other.run(&["cat", "Projets:folder/file-7"])?.stdout, "written after the checkpoint");
    other.attempt(&["ls", "Projets:", "--at", "2h"])?.ended_with(13)?.says(&["not here yet"])?;
    let synced = other.run(&sync_there)?;
    assert!(synced.stderr.contains("The folder is ready"), "{}", synced.stderr);
    assert_eq!(std::fs::read(there.join("folder/file-3"))?, b"content 3");
    // What lay behind the checkpoint is there now.
    let events = other.json(&["history", "Projets:folder/file-7"])?;
    assert_eq!(events, one.json(&["history", "Projets:folder/file-7"])?);
    assert_eq!(events.len(), 3, "created, written, written again: {events:?}");
    other.attempt(&["ls", "Projets:", "--at", "2h"])?.ended_with(13)?.says(&["still empty"])?;
    Ok(())
}
