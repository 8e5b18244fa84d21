use super::*;

#[test]
fn passphrase_and_purpose_must_fit() {
    let locked = lock("correct horse", b"keys").expect("enough memory");
    assert_eq!(unlock("correct horse", &locked).as_deref(), Ok(&b"keys".to_vec()));
    assert_eq!(unlock("correct horsf", &locked).err(), Some(KeystoreError::WrongPassphrase));
    assert_eq!(unlock_for(Purpose::Backup, "correct horse", &locked).err(), Some(KeystoreError::Malformed));
}

/// Parameters are judged before any memory is taken: each of these answers at once.
#[test]
fn parameters_outside_floor_and_ceiling_are_refused() {
    let with = |passes, memory_kib, lanes| {
        let header = Header { purpose: Purpose::Keystore, passes, memory_kib, lanes, salt: [0; 32] };
        let mut locked = header.to_bytes();
        locked.resize(locked.len() + 64, 0);
        unlock("", &locked).err()
    };
    assert_eq!(with(ARGON2_PASSES_MIN - 1, ARGON2_MEMORY_KIB_MIN, 1), Some(KeystoreError::Weak));
    assert_eq!(with(ARGON2_PASSES_MIN, ARGON2_MEMORY_KIB_MIN - 1, 1), Some(KeystoreError::Weak));
    assert_eq!(with(ARGON2_PASSES_MIN, ARGON2_MEMORY_KIB_MIN, 0), Some(KeystoreError::Weak));
    assert_eq!(with(ARGON2_PASSES_MAX + 1, ARGON2_MEMORY_KIB_MIN, 1), Some(KeystoreError::Excessive));
    assert_eq!(with(ARGON2_PASSES_MIN, ARGON2_MEMORY_KIB_MAX + 1, 1), Some(KeystoreError::Excessive));
    assert_eq!(with(ARGON2_PASSES_MIN, u32::MAX, 1), Some(KeystoreError::Excessive));
    assert_eq!(with(ARGON2_PASSES_MIN, ARGON2_MEMORY_KIB_MIN, ARGON2_LANES_MAX + 1), Some(KeystoreError::Excessive));
}

/// The keystore's part of `every_stored_byte_is_authenticated`: the passphrase is stretched once for all bytes after the
/// salt, since they do not enter it; the header's own bytes are flipped in `crypto/tests/authenticated.rs`.
#[test]
fn every_byte_after_the_salt_is_authenticated() {
    let locked = lock("correct horse", &[7; 40]).expect("enough memory");
    let keys = Header::parse(&locked).expect("made here").stretch("correct horse").expect("enough memory");
    assert!(keys.open(&locked).is_ok());
    for bit in HEADER_BYTES * 8..locked.len() * 8 {
        let mut damaged = locked.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(keys.open(&damaged).is_err(), "bit {bit}");
    }
    for header_byte in 0..HEADER_BYTES {
        let mut damaged = locked.clone();
        damaged[header_byte] ^= 1;
        assert_eq!(keys.open(&damaged).err(), Some(KeystoreError::Damaged), "associated byte {header_byte}");
    }
    for length in 0..locked.len() {
        assert!(keys.open(&locked[..length]).is_err(), "truncated to {length}");
    }
}
