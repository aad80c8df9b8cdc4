//! Coming in: the first set-up, sign-in, the second factor, and out again.

use kernel::OrgId;
use testkit::Database;

use crate::world::{START, World, mail, ring};

testkit::on_each_database! {
    the_first_link_makes_an_administrator_once,
    a_password_opens_and_a_wrong_one_says_nothing,
    a_second_factor_stands_between,
}

const PASSWORD: &str = "seven green lamps at noon";

/// The codes of the secret of twenty sevens at the start and a minute later (RFC 6238).
const CODES: [&str; 2] = ["780743", "426009"];

fn the_first_link_makes_an_administrator_once(database: &Database) {
    let world = World::empty(database);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(world.get("/sign-in", "").body.contains("Nobody has set up Muster yet."));
    let old = runtime.block_on(server::begin_set_up(&world.app)).unwrap().unwrap();
    let token = runtime.block_on(server::begin_set_up(&world.app)).unwrap().unwrap();
    assert_eq!(world.get(&server::set_up_address("", &old), "").status, 410, "each start makes the last one's go");
    let link = server::set_up_address("", &token);
    let page = world.get(&link, "");
    assert_eq!(
        (page.status, page.header("cache-control"), page.header("referrer-policy")),
        (200, "no-store", "no-referrer")
    );
    let sent = |password: &str| {
        let fields =
            [("token", token.expose()), ("login", "ada@acme.example"), ("name", "Ada"), ("password", password)];
        world.post("/set-up", "", &fields)
    };
    let weak = sent("short");
    assert!(weak.status == 422 && weak.body.contains("it is shorter than 12 characters"), "{}", weak.body);
    let done = sent(PASSWORD);
    assert_eq!((done.status, done.header("location")), (303, "/"));
    let cookie = done.cookie("muster=").expect("they are in");
    let flash = done.cookie("muster-flash=").expect("and are told so");
    let page = world.get("/", &format!("{cookie}; {flash}"));
    assert!(page.status == 200 && page.body.contains("Muster is set up."), "{}", page.body);
    assert_eq!(page.cookie("muster-flash=").as_deref(), Some("muster-flash="), "once");
    assert!(page.body.contains("No source is connected yet"));
    assert_eq!(sent(PASSWORD).status, 410);
    assert!(runtime.block_on(server::begin_set_up(&world.app)).unwrap().is_none());
}

fn a_password_opens_and_a_wrong_one_says_nothing(database: &Database) {
    let world = World::new(database);
    world.write(|tx| {
        let hash = access::hash_password(&kernel::Secret::new(PASSWORD.to_owned()), &[3; access::SALT_BYTES]);
        access::set_password(tx, kernel::PersonId(1), &hash, None, "ada", START)
    });
    let signed_in = |login: &str, password: &str, next: &str| {
        world.post("/sign-in", "", &[("login", &mail(login)), ("password", password), ("next", next)])
    };
    let (wrong, nobody) = (signed_in("ada", "wrong", ""), signed_in("ada2", "wrong", ""));
    assert_eq!((wrong.status, nobody.status), (422, 422));
    assert_eq!(wrong.body, nobody.body.replace("ada2", "ada"), "nobody learns which logins there are");
    let right = signed_in("ada", PASSWORD, "/assets?q=a");
    assert_eq!((right.status, right.header("location")), (303, "/assets?q=a"));
    for next in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        assert_eq!(signed_in("ada", PASSWORD, next).header("location"), "/", "{next}");
    }
    let cookie = right.cookie("muster=").unwrap();
    assert_eq!(world.get("/assets", &cookie).status, 200);
    let set = right.headers.iter().find(|(_, line)| line.starts_with("muster=")).unwrap();
    assert!(set.1.contains("HttpOnly") && set.1.contains("SameSite=Lax"), "{}", set.1);
    let csrf = world.csrf(&cookie);
    assert_eq!(world.post("/sign-out", &cookie, &[("csrf", &csrf)]).status, 303);
    assert_eq!(world.get("/assets", &cookie).status, 303, "the cookie opens nothing any more");
    // Who keeps guessing waits.
    let waits = (0..20).map(|_| signed_in("ada", "wrong", "").status).find(|status| *status == 429);
    assert_eq!(waits, Some(429));
}

fn a_second_factor_stands_between(database: &Database) {
    let world = World::new(database);
    let ada = kernel::PersonId(1);
    world.write(move |tx| {
        access::enrol_second_factor(tx, &ring(), ada, &[7; 20])?;
        access::confirm_second_factor(
            tx,
            &ring(),
            ada,
            CODES[0],
            None,
            &std::array::from_fn(|at| u8::try_from(at).unwrap()),
            "ada",
            START,
        )
    });
    world.clock.set(START.plus_seconds(60));
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    assert_eq!(world.get("/assets", &cookie).status, 303, "half of the way opens nothing");
    assert_eq!(world.get("/api/v1/me", &cookie).status, 401);
    let page = world.get("/sign-in/code?next=/assets", &cookie);
    let from = page.body.find("name=\"csrf\" value=\"").unwrap() + 19;
    let csrf = page.body[from..].split('"').next().unwrap().trim_start_matches('"');
    let given =
        |code: &str| world.post("/sign-in/code", &cookie, &[("csrf", csrf), ("code", code), ("next", "/assets")]);
    assert_eq!(given("000000").status, 422);
    let right = given(CODES[1]);
    assert_eq!((right.status, right.header("location")), (303, "/assets"), "{}", right.body);
    assert_eq!(world.get("/assets", &right.cookie("muster=").unwrap()).status, 200);
    assert_eq!(world.get("/assets", &cookie).status, 303, "the half-way cookie is over");
}
