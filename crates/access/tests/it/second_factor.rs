//! Codes of a telephone, and the ones for recovery.

use access::{AccessError, Answered, Begun, Enrolment, Keyring, SignedIn, Stage};
use kernel::{Secret, Timestamp};
use testkit::Database;
use totp_rs::{Builder, Totp};

use crate::world::{BY, HASH, NOW, ORG, World, at, fresh, from};

testkit::on_each_database! {
    a_session_waits_for_its_code_and_gets_a_new_token_for_it,
    a_code_works_once,
    a_recovery_code_works_once,
    an_unconfirmed_factor_asks_for_nothing,
    wrong_codes_wait_and_half_way_sessions_end,
    a_removed_factor_is_gone_with_its_codes,
    codes_are_nowhere_in_the_database,
}

fn ring() -> Keyring {
    crate::ring(1)
}

struct Telephone(Totp);

impl Telephone {
    fn of(enrolment: &Enrolment) -> Telephone {
        let secret = totp_rs::Secret::try_from_base32(enrolment.secret.expose()).unwrap();
        Telephone(Builder::new().with_secret(secret).build().unwrap())
    }

    fn code(&self, now: Timestamp) -> String {
        self.0.generate(u64::try_from(now.micros() / 1_000_000).unwrap()).to_string()
    }
}

fn codes() -> [u8; access::RECOVERY_CODES * access::RECOVERY_BYTES] {
    std::array::from_fn(|at| u8::try_from(at).unwrap())
}

/// Ada with a password and a confirmed factor: her telephone, and her recovery codes.
fn enrolled(database: &Database) -> (World, Telephone, Vec<Secret>) {
    let world = World::new(database);
    let ada = world.ada;
    world.write(move |tx| access::set_password(tx, ada, &HASH, None, BY, NOW));
    let enrolment = world.write(move |tx| access::enrol_second_factor(tx, &ring(), ada, &[7; 20]));
    let phone = Telephone::of(&enrolment);
    let code = phone.code(NOW);
    let codes = world
        .write(move |tx| access::confirm_second_factor(tx, &ring(), ada, &code, None, &codes(), BY, NOW))
        .expect("the code is right");
    (world, phone, codes)
}

fn half_way(world: &World, byte: u8, seconds: i64) -> SignedIn {
    world.write(move |tx| {
        let begun = access::begin_sign_in(tx, BY, &from("192.0.2.1"), at(seconds))?;
        let Begun::Try(attempt) = begun else { panic!("{begun:?}") };
        Ok(access::finish_sign_in(tx, &attempt, true, &fresh(byte), at(seconds))?.unwrap())
    })
}

fn give(world: &World, signed_in: &SignedIn, code: &str, byte: u8, seconds: i64) -> Answered {
    let session = world.session(&signed_in.token, at(seconds)).expect("the session is half way");
    let code = code.to_owned();
    world.write(move |tx| access::give_code(tx, &ring(), &session, &code, &fresh(byte), at(seconds)))
}

fn a_session_waits_for_its_code_and_gets_a_new_token_for_it(database: &Database) {
    let (world, phone, codes) = enrolled(database);
    assert_eq!(codes.len(), access::RECOVERY_CODES);
    let digits = |code: &Secret| code.expose().chars().filter(char::is_ascii_hexdigit).count();
    assert!(codes.iter().all(|code| digits(code) == 32), "128 bits each");
    let begun = half_way(&world, 1, 60);
    assert_eq!(begun.stage, Stage::NeedsSecondFactor);
    assert_eq!(world.session(&begun.token, at(60)).unwrap().stage, Stage::NeedsSecondFactor);
    assert!(world.done(ORG, "sign_in").is_empty(), "half of the way is no sign-in");
    let answered = give(&world, &begun, &phone.code(at(60)), 2, 60);
    let Answered::In(signed_in) = answered else { panic!("{answered:?}") };
    assert_eq!(world.session(&signed_in.token, at(60)).unwrap().stage, Stage::Full);
    assert!(world.session(&begun.token, at(60)).is_none(), "the old token works no longer");
    assert_eq!(world.done(ORG, "sign_in")[0].detail, "by password and code from 192.0.2.1");
}

fn a_code_works_once(database: &Database) {
    let (world, phone, _) = enrolled(database);
    // The code that confirmed the factor is used up, too.
    let begun = half_way(&world, 1, 1);
    assert!(matches!(give(&world, &begun, &phone.code(NOW), 2, 1), Answered::Wrong));
    let code = phone.code(at(90));
    assert!(matches!(give(&world, &begun, &format!(" {} {}", &code[..3], &code[3..]), 3, 90), Answered::In(_)));
    let again = half_way(&world, 4, 95);
    assert!(matches!(give(&world, &again, &code, 5, 95), Answered::Wrong), "a code that was seen is worth nothing");
    assert!(matches!(give(&world, &again, &phone.code(at(60)), 5, 96), Answered::Wrong), "nor is an earlier one");
    assert!(matches!(give(&world, &again, &phone.code(at(150)), 6, 125), Answered::In(_)), "clocks differ a little");
}

fn a_recovery_code_works_once(database: &Database) {
    let (world, _, codes) = enrolled(database);
    let code = codes[3].expose().to_uppercase().replace('-', " ");
    let begun = half_way(&world, 1, 1);
    assert!(matches!(give(&world, &begun, &code, 2, 1), Answered::In(_)));
    let ada = world.ada;
    assert_eq!(world.read(move |tx| access::recovery_codes_left(tx, ada)), 9);
    let begun = half_way(&world, 3, 2);
    assert!(matches!(give(&world, &begun, &code, 4, 2), Answered::Wrong));
}

fn an_unconfirmed_factor_asks_for_nothing(database: &Database) {
    let world = World::new(database);
    let ada = world.ada;
    world.write(move |tx| access::set_password(tx, ada, &HASH, None, BY, NOW));
    let first = world.write(move |tx| access::enrol_second_factor(tx, &ring(), ada, &[6; 20]));
    assert!(
        first.url.expose().starts_with("otpauth://totp/Muster:ada%40example.com?secret="),
        "{}",
        first.url.expose()
    );
    let second = world.write(move |tx| access::enrol_second_factor(tx, &ring(), ada, &[7; 20]));
    assert_eq!(half_way(&world, 1, 0).stage, Stage::Full);
    for code in ["000000", "", "12345", &Telephone::of(&first).code(NOW)] {
        let code = code.to_owned();
        let confirmed =
            world.write(move |tx| access::confirm_second_factor(tx, &ring(), ada, &code, None, &codes(), BY, NOW));
        assert!(confirmed.is_none());
    }
    let code = Telephone::of(&second).code(NOW);
    let confirm =
        move |tx: &mut store::Tx<'_>| access::confirm_second_factor(tx, &ring(), ada, &code, None, &codes(), BY, NOW);
    assert!(world.write(confirm.clone()).is_some());
    assert!(matches!(world.try_write(confirm), Err(AccessError::NoSuch { .. })));
    let over = world.try_write(move |tx| access::enrol_second_factor(tx, &ring(), ada, &[8; 20]));
    assert!(matches!(over, Err(AccessError::Taken { .. })), "a confirmed factor is removed first");
}

fn wrong_codes_wait_and_half_way_sessions_end(database: &Database) {
    let (world, phone, _) = enrolled(database);
    let begun = half_way(&world, 1, 60);
    for _ in 0..4 {
        assert!(matches!(give(&world, &begun, "000000", 2, 60), Answered::Wrong));
    }
    let waiting = give(&world, &begun, &phone.code(at(60)), 2, 60);
    assert!(matches!(waiting, Answered::Wait { seconds: 2 }), "{waiting:?}");
    assert!(matches!(give(&world, &begun, &phone.code(at(62)), 2, 62), Answered::In(_)));
    let begun = half_way(&world, 3, 100);
    let late = 100 + access::HALF_WAY_SECONDS;
    assert!(world.session(&begun.token, at(late - 1)).is_some());
    assert!(world.session(&begun.token, at(late)).is_none());
    // A full session is not asked again.
    let full = half_way(&world, 4, 200);
    let Answered::In(full) = give(&world, &full, &phone.code(at(200)), 5, 200) else { panic!() };
    assert!(matches!(give(&world, &full, &phone.code(at(260)), 6, 260), Answered::Wrong));
    assert_eq!(world.done(ORG, "sign_in.failed").len(), 4);
}

fn a_removed_factor_is_gone_with_its_codes(database: &Database) {
    let (world, _, _) = enrolled(database);
    let ada = world.ada;
    assert!(world.read(move |tx| access::person(tx, ada)).unwrap().has_second_factor);
    assert!(world.write(move |tx| access::remove_second_factor(tx, ada, BY, NOW)));
    assert!(!world.write(move |tx| access::remove_second_factor(tx, ada, BY, NOW)));
    assert_eq!(world.read(move |tx| access::recovery_codes_left(tx, ada)), 0);
    assert_eq!(half_way(&world, 1, 1).stage, Stage::Full);
    let renewed = world.try_write(move |tx| access::renew_recovery_codes(tx, ada, &codes(), BY, NOW));
    assert!(matches!(renewed, Err(AccessError::NoSuch { .. })));
    assert_eq!(world.done(ORG, "second_factor.remove").len(), 1);
}

fn codes_are_nowhere_in_the_database(database: &Database) {
    let (world, _, old) = enrolled(database);
    let ada = world.ada;
    let other: [u8; access::RECOVERY_CODES * access::RECOVERY_BYTES] =
        std::array::from_fn(|at| 255 - u8::try_from(at).unwrap());
    let new = world.write(move |tx| access::renew_recovery_codes(tx, ada, &other, BY, NOW));
    assert_eq!((new.len(), world.read(move |tx| access::recovery_codes_left(tx, ada))), (10, 10));
    for code in old.iter().chain(&new) {
        world.holds_no(code.expose());
        world.holds_no(&code.expose().replace('-', ""));
    }
    let begun = half_way(&world, 1, 1);
    assert!(matches!(give(&world, &begun, old[0].expose(), 2, 1), Answered::Wrong), "the old ones are gone");
    assert!(matches!(give(&world, &begun, new[0].expose(), 3, 1), Answered::In(_)));
    assert!(format!("{new:?}").contains("[secret]"));
}
