//! What the first bytes of a file say it is.
//!
//! Not to choose a program by: only to notice that many files at once stop being what they were (sync.md, rule 3). Whatever
//! encrypts a person's files leaves none of these beginnings. Text has none; such files are not watched.

/// Bytes of a file's beginning that are looked at.
pub const FILE_TYPE_BYTES: usize = 16;

macro_rules! file_types {
    ($($name:ident = $code:literal, $at:literal, $($magic:literal)|+;)*) => {
        /// A type of file that has a beginning of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "the names are those of the formats")]
        pub enum FileType {
            /// None of these: text, among others.
            Plain = 0,
            $($name = $code,)*
        }

        impl FileType {
            /// The type that `first`, the first bytes of a file, are of.
            #[must_use]
            pub fn of(first: &[u8]) -> Self {
                let begins = |at: usize, magic: &[u8]| first.get(at..).is_some_and(|rest| rest.starts_with(magic));
                match () {
                    $(() if $(begins($at, $magic))||+ => Self::$name,)*
                    () => Self::Plain,
                }
            }

            /// The number that the cache keeps it under.
            #[must_use]
            pub fn code(self) -> u8 {
                self as u8
            }

            /// The type with this number.
            #[must_use]
            pub fn from_code(code: u8) -> Option<Self> {
                match code {
                    0 => Some(Self::Plain),
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

// Each number stands in caches: none is given another meaning. OpenDocument and Office Open XML are Zip.
file_types! {
    Pdf = 1, 0, b"%PDF-";
    Zip = 2, 0, b"PK\x03\x04" | b"PK\x05\x06";
    OleDocument = 3, 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
    Png = 4, 0, b"\x89PNG\r\n\x1a\n";
    Jpeg = 5, 0, b"\xff\xd8\xff";
    Gif = 6, 0, b"GIF87a" | b"GIF89a";
    Tiff = 7, 0, b"II*\0" | b"MM\0*";
    Riff = 8, 0, b"RIFF";
    IsoMedia = 9, 4, b"ftyp";
    Gzip = 10, 0, b"\x1f\x8b";
    Bzip2 = 11, 0, b"BZh";
    Xz = 12, 0, b"\xfd7zXZ\0";
    Zstandard = 13, 0, b"\x28\xb5\x2f\xfd";
    SevenZip = 14, 0, b"7z\xbc\xaf\x27\x1c";
    Rar = 15, 0, b"Rar!\x1a\x07";
    Sqlite = 16, 0, b"SQLite format 3\0";
    PostScript = 17, 0, b"%!PS";
    RichText = 18, 0, b"{\\rtf";
    Ogg = 19, 0, b"OggS";
    Flac = 20, 0, b"fLaC";
    Mp3 = 21, 0, b"ID3";
    Matroska = 22, 0, b"\x1a\x45\xdf\xa3";
    Autocad = 23, 0, b"AC10";
    Psd = 24, 0, b"8BPS";
    Elf = 25, 0, b"\x7fELF";
}

impl FileType {
    /// Whether a file of this type, written anew as `new`, no longer begins as its type does.
    #[must_use]
    pub fn is_lost_in(self, new: Self) -> bool {
        self != Self::Plain && self != new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_recognised() {
        for (first, is) in [
            (b"%PDF-1.7 and more".as_slice(), FileType::Pdf),
            (b"PK\x03\x04", FileType::Zip),
            (b"\0\0\0\x18ftypmp42", FileType::IsoMedia),
            (b"SQLite format 3\0", FileType::Sqlite),
            (b"PK", FileType::Plain),
            (b"", FileType::Plain),
            (b"bonjour", FileType::Plain),
        ] {
            assert_eq!(FileType::of(first), is, "{first:?}");
        }
    }

    #[test]
    fn every_code_reads_back() {
        let known: Vec<_> = (0..=u8::MAX).filter_map(FileType::from_code).collect();
        assert!(
            known.len() > 20 && known.iter().all(|file_type| FileType::from_code(file_type.code()) == Some(*file_type))
        );
    }

    #[test]
    fn only_what_had_a_type_can_lose_it() {
        assert!(FileType::Pdf.is_lost_in(FileType::Plain) && FileType::Pdf.is_lost_in(FileType::Zip));
        assert!(!FileType::Plain.is_lost_in(FileType::Pdf) && !FileType::Pdf.is_lost_in(FileType::Pdf));
    }
}
