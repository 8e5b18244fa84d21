//! The systemd user unit that runs the service, as text. Pure.
//!
//! It asks for what a user's manager can give without namespaces of its own, which some systems forbid; and it is not started
//! again after an end that only a person can mend.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::message::Language;

/// What the unit is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The program, from the root.
    pub program: PathBuf,
    /// The home, from the root.
    pub home: PathBuf,
    /// The file of the passphrase, from the root.
    pub passphrase: PathBuf,
    /// The language that it speaks.
    pub language: Language,
}

/// A path that cannot stand in a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot stand in a systemd unit")]
pub struct UnitError(pub PathBuf);

impl Unit {
    /// The unit's text.
    ///
    /// # Errors
    /// [`UnitError`]: a path that is no text, or has a line's end in it.
    pub fn text(&self) -> Result<String, UnitError> {
        let (program, home, passphrase) = (quoted(&self.program)?, quoted(&self.home)?, plain(&self.passphrase)?);
        let language = match self.language {
            Language::French => "fr",
            Language::English => "en",
        };
        let mut ends = String::new();
        for exit in Exit::ALL.iter().filter(|exit| exit.needs_a_person()) {
            // Writing to a text cannot fail.
            let _ = write!(ends, " {}", *exit as u8);
        }
        Ok(format!(
            "# Written by `vauban service install`; `vauban service uninstall` takes it away.\n\
             # Changes belong into a drop-in: systemctl --user edit vauban\n\
             \n\
             [Unit]\n\
             Description=Vauban: keeps folders in sync\n\
             StartLimitIntervalSec=10min\n\
             StartLimitBurst=5\n\
             \n\
             [Service]\n\
             Type=exec\n\
             ExecStart={program} --home {home} sync --watch\n\
             # The passphrase is handed over by systemd, in memory that no other process is given.\n\
             LoadCredential=passphrase:{passphrase}\n\
             Environment=VAUBAN_PASSPHRASE_FILE=%d/passphrase\n\
             Environment=VAUBAN_LANG={language}\n\
             Restart=on-failure\n\
             RestartSec=10s\n\
             # Ends that only a person can mend (vauban --help lists them).\n\
             RestartPreventExitStatus={ends}\n\
             KillSignal=SIGTERM\n\
             TimeoutStopSec=30s\n\
             \n\
             # What it may do: what needs no namespace, since some systems give users none.\n\
             UMask=0077\n\
             NoNewPrivileges=yes\n\
             LimitCORE=0\n\
             LockPersonality=yes\n\
             MemoryDenyWriteExecute=yes\n\
             RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\n\
             RestrictNamespaces=yes\n\
             RestrictRealtime=yes\n\
             RestrictSUIDSGID=yes\n\
             SystemCallArchitectures=native\n\
             SystemCallFilter=@system-service\n\
             SystemCallFilter=~@privileged @resources\n\
             SystemCallErrorNumber=EPERM\n\
             TasksMax=512\n\
             \n\
             [Install]\n\
             WantedBy=default.target\n",
            ends = ends.trim_start(),
        ))
    }
}

/// A path as one word of a command.
fn quoted(path: &Path) -> Result<String, UnitError> {
    let text = plain(path)?;
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$");
    Ok(format!("\"{escaped}\""))
}

/// A path as the rest of a line.
fn plain(path: &Path) -> Result<String, UnitError> {
    let unfit = || UnitError(path.to_owned());
    let text = path.to_str().ok_or_else(unfit)?;
    if text.chars().any(char::is_control) || !path.is_absolute() {
        return Err(unfit());
    }
    Ok(text.replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit() -> Unit {
        Unit {
            program: "/usr/bin/vauban".into(),
            home: "/home/alice/.local/share/vauban".into(),
            passphrase: "/home/alice/.config/vauban.passphrase".into(),
            language: Language::French,
        }
    }

    #[test]
    fn the_unit_runs_the_service_and_gives_up_only_where_a_person_is_needed() {
        let text = unit().text().unwrap();
        for line in [
            "ExecStart=\"/usr/bin/vauban\" --home \"/home/alice/.local/share/vauban\" sync --watch",
            "LoadCredential=passphrase:/home/alice/.config/vauban.passphrase",
            "Environment=VAUBAN_PASSPHRASE_FILE=%d/passphrase",
            "Environment=VAUBAN_LANG=fr",
            "Restart=on-failure",
            "RestartPreventExitStatus=2 3 4 5 7 8 9 10 13 16",
            "NoNewPrivileges=yes",
            "WantedBy=default.target",
        ] {
            assert!(text.lines().any(|is| is == line), "{line}:\n{text}");
        }
    }

    /// A path in a unit is data: no specifier, no variable, no further word or line.
    #[test]
    fn paths_say_nothing_to_systemd() {
        let odd = Unit { home: "/home/a b/100%\"$HOME\\x".into(), passphrase: "/p %h".into(), ..unit() };
        let text = odd.text().unwrap();
        assert!(text.contains(r#"--home "/home/a b/100%%\"$$HOME\\x" sync"#), "{text}");
        assert!(text.contains("LoadCredential=passphrase:/p %%h\n"), "{text}");
        for wrong in ["/home/a\nExecStartPre=/bin/sh", "relative"] {
            assert!(Unit { home: wrong.into(), ..unit() }.text().is_err(), "{wrong}");
        }
    }
}
