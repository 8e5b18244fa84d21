use proptest::prelude::*;

use super::*;

fn place(number: u8) -> SharePlace {
    SharePlace {
        organisation: Fingerprint([1; 32]),
        user: UserId([2; 16]),
        kem: Digest([3; 32]),
        guardian: UserId([number; 16]),
        number,
    }
}

fn numbered(shares: Vec<Share>) -> Vec<(u8, Share)> {
    (1..).zip(shares).collect()
}

/// FIPS 197, section 4.2; and every element but zero has an inverse.
#[test]
fn the_field_is_that_of_aes() {
    assert_eq!(times(0x57, 0x83), 0xc1);
    assert_eq!(times(0x57, 0x13), 0xfe);
    assert!((1..=255).all(|a| times(a, inverse(a)) == 1));
    assert_eq!(inverse(0), 0);
}

#[test]
fn as_many_as_it_takes_give_the_secret_and_fewer_do_not() {
    let secret = KemSecret::generate();
    let shares = numbered(split(&secret, 3, 5).unwrap());
    for left_out in 0..5 {
        let mut four = shares.clone();
        four.remove(left_out);
        assert_eq!(combine(&four).unwrap().public(), secret.public());
        assert_eq!(combine(&four[1..]).unwrap().public(), secret.public());
        assert_ne!(combine(&four[2..]).unwrap().public(), secret.public());
    }
}

/// Whatever the secret is, there is a polynomial through what fewer have: their shares exclude nothing.
#[test]
fn fewer_shares_exclude_no_secret() {
    let secret = KemSecret::from_seed(Secret::new([7; 32]));
    let two = &numbered(split(&secret, 3, 3).unwrap())[..2];
    for third in [0u8, 1, 77, 255] {
        let mut three = two.to_vec();
        three.push((3, Share::from_bytes([third; 32])));
        let other = combine(&three).unwrap();
        assert_ne!(other.public(), secret.public());
    }
    let firsts: std::collections::BTreeSet<u8> = (0..=255)
        .map(|third| {
            let mut three = two.to_vec();
            three.push((3, Share::from_bytes([third; 32])));
            combine(&three).unwrap().seed().expose()[0]
        })
        .collect();
    assert_eq!(firsts.len(), 256, "every first byte is as possible as any other");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let secret = KemSecret::generate();
    for (threshold, count) in [(0, 3), (1, 3), (4, 3), (2, GUARDIANS_MAX + 1), (2, 1), (0, 0)] {
        assert_eq!(split(&secret, threshold, count).err(), Some(SealError::TooMany), "{threshold} of {count}");
    }
    let shares = numbered(split(&secret, 2, 2).unwrap());
    assert!(combine(&[]).is_err());
    assert!(combine(&[shares[0].clone(), shares[0].clone()]).is_err());
    assert!(combine(&[(0, shares[0].1.clone()), shares[1].clone()]).is_err());
    assert!(combine(&vec![shares[0].clone(); GUARDIANS_MAX + 1]).is_err());
}

#[test]
fn a_share_opens_at_its_place_for_whom_it_was_wrapped_and_prints_as_stars() {
    let (secret, guardian, device) = (KemSecret::generate(), KemSecret::generate(), KemSecret::generate());
    let share = split(&secret, 2, 2).unwrap().remove(0);
    let commitment = share.commitment(&place(1));
    let wrapped = share.wrap(&place(1), guardian.public()).unwrap();
    let opened = Share::unwrap(&place(1), &commitment, &guardian, &wrapped).unwrap();
    let back = opened.wrap_back(&place(1), device.public()).unwrap();
    assert_eq!(Share::unwrap_back(&place(1), &commitment, &device, &back).unwrap().expose(), share.expose());
    assert!(Share::unwrap_back(&place(1), &commitment, &guardian, &back).is_err());
    assert!(Share::unwrap(&place(1), &commitment, &device, &back).is_err(), "one is not taken for the other");
    for other in [
        place(2),
        SharePlace { organisation: Fingerprint([9; 32]), ..place(1) },
        SharePlace { user: UserId([9; 16]), ..place(1) },
        SharePlace { kem: Digest([9; 32]), ..place(1) },
        SharePlace { guardian: UserId([9; 16]), ..place(1) },
        SharePlace { number: 9, ..place(1) },
    ] {
        assert_ne!(share.commitment(&other), commitment);
        assert!(Share::unwrap(&other, &commitment, &guardian, &wrapped).is_err(), "{other:?}");
    }
    assert!(format!("{share:?}").contains("****"));
}

/// A guardian who wraps another share than the one that was given: HPKE opens, the commitment refuses.
#[test]
fn another_share_does_not_fit_the_commitment() {
    let (secret, device) = (KemSecret::generate(), KemSecret::generate());
    let mut shares = split(&secret, 2, 2).unwrap();
    let (second, first) = (shares.remove(1), shares.remove(0));
    let commitment = first.commitment(&place(1));
    let info = place(1).info(&commitment, &device.public().digest().0);
    for bad in [second.expose().to_vec(), vec![0; 32], vec![0; 31], Vec::new()] {
        let wrapped = wrap(device.public(), label::WRAP_SHARE_BACK, &info, &bad).unwrap();
        assert!(Share::unwrap_back(&place(1), &commitment, &device, &wrapped).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_choice_of_enough_shares_gives_the_secret(
        seed in any::<[u8; 32]>(),
        (count, threshold) in (2usize..=GUARDIANS_MAX).prop_flat_map(|count| (Just(count), 2..=count)),
        order in any::<u64>(),
    ) {
        let secret = KemSecret::from_seed(Secret::new(seed));
        let mut shares = numbered(split(&secret, threshold, count).unwrap());
        // A choice that depends on the case alone.
        shares.sort_by_key(|(number, _)| (u64::from(*number) + 1).wrapping_mul(order | 1));
        shares.truncate(threshold);
        let combined = combine(&shares).unwrap();
        prop_assert_eq!(combined.seed().expose(), &seed);
        shares.pop();
        let combined = combine(&shares).unwrap();
        prop_assert_ne!(combined.seed().expose(), &seed);
    }
}
