//! Organizations, people, roles, the first set-up, sessions and tokens of programs.

use access::{
    AccessError, Begun, Lifetimes, NewApiToken, Permission, PersonState, Reach, Role, SESSION_IDLE_SECONDS,
    SESSION_SECONDS, SESSIONS_MAX, Stage,
};
use kernel::OrgId;
use testkit::Database;

use crate::world::{BY, HASH, NOW, ORG, PASSWORD, World, at, fresh, from, secret};

testkit::on_each_database! {
    organizations_have_names_of_their_own_and_an_administrator,
    the_last_administrator_stays,
    logins_are_addresses_whatever_their_case,
    members_come_page_by_page_and_belong_to_their_organization,
    the_first_set_up_works_once_for_an_hour_and_only_while_there_is_nobody,
    an_invitation_lets_choose_a_password_once,
    a_session_ends_when_unused_when_old_and_when_its_person_is_disabled,
    sessions_are_listed_ended_and_bounded,
    a_new_password_ends_all_other_sessions,
    a_session_looks_at_organizations_of_its_person_only,
    a_token_opens_its_organization_until_it_ends,
    a_token_is_never_above_its_maker,
    a_token_is_no_way_around_a_second_factor,
    another_organizations_token_cannot_be_revoked,
    administrators_may_need_a_second_factor,
    a_sign_in_from_elsewhere_stands_in_the_trail,
}

fn organizations_have_names_of_their_own_and_an_administrator(database: &Database) {
    let world = World::new(database);
    let acme = world.org(" Acme ");
    assert_eq!(acme, OrgId(2));
    let orgs = world.read(access::orgs);
    assert_eq!(orgs.iter().map(|org| &*org.name).collect::<Vec<_>>(), ["default", "Acme"]);
    assert_eq!(orgs[1].created_at, NOW);
    let ada = world.ada;
    assert_eq!(world.read(move |tx| access::role_of(tx, acme, ada)), Some(Role::Admin));

    let taken = world.try_write(move |tx| access::rename_org(tx, ORG, "ACME", BY, NOW));
    assert!(matches!(taken, Err(AccessError::Taken { .. })), "{taken:?}");
    for name in ["", "  ", "a\nb", &"x".repeat(101)] {
        let (name, ada) = (name.to_owned(), world.ada);
        let refused = world.try_write(move |tx| access::create_org(tx, &name, ada, BY, NOW));
        assert!(matches!(refused, Err(AccessError::Invalid { .. })), "{refused:?}");
    }
    world.write(move |tx| access::rename_org(tx, acme, "acme", BY, NOW));
    let renamed = world.read(move |tx| access::org(tx, acme)).unwrap();
    assert_eq!(renamed.name, "acme");
    assert_eq!(world.done(acme, "org.rename")[0].detail, "acme");
    let nowhere = world.try_write(|tx| access::rename_org(tx, OrgId(77), "x", BY, NOW));
    assert!(matches!(nowhere, Err(AccessError::NoSuch { .. })));
}

fn the_last_administrator_stays(database: &Database) {
    let world = World::new(database);
    let ada = world.ada;
    let bob = world.member("bob@example.com", Role::Admin);
    let eve = world.member("eve@example.com", Role::Operator);
    world.write(move |tx| access::set_person_state(tx, bob, PersonState::Disabled, BY, NOW));
    // Bob cannot sign in, so he does not count.
    for what in 0..3 {
        let refused = world.try_write(move |tx| match what {
            0 => access::set_member(tx, ORG, ada, Role::Auditor, BY, NOW),
            1 => access::remove_member(tx, ORG, ada, BY, NOW),
            _ => access::set_person_state(tx, ada, PersonState::Disabled, BY, NOW),
        });
        let AccessError::LastAdmin { org } = refused.unwrap_err() else { panic!("{what}") };
        assert_eq!(org, "default");
    }
    assert!(world.done(ORG, "member.remove").is_empty(), "what did not happen is not told");
    world.write(move |tx| access::set_member(tx, ORG, eve, Role::Admin, BY, NOW));
    world.write(move |tx| access::set_member(tx, ORG, ada, Role::Viewer, BY, NOW));
    assert_eq!(world.read(move |tx| access::role_of(tx, ORG, ada)), Some(Role::Viewer));
    assert_eq!(world.done(ORG, "member.role").last().unwrap().detail, "admin to viewer");
    world.write(move |tx| access::remove_member(tx, ORG, ada, BY, NOW));
    assert_eq!(world.read(move |tx| access::role_of(tx, ORG, ada)), None);
    let again = world.try_write(move |tx| access::remove_member(tx, ORG, ada, BY, NOW));
    assert!(matches!(again, Err(AccessError::NoSuch { .. })));
}

fn logins_are_addresses_whatever_their_case(database: &Database) {
    let world = World::new(database);
    let ada = world.read(|tx| access::person_by_login(tx, " ADA@example.COM")).unwrap();
    assert_eq!((ada.id, &*ada.login, ada.has_password, ada.has_second_factor), (world.ada, BY, false, false));
    let taken = world.try_write(|tx| access::add_person(tx, "ada@EXAMPLE.com", "Other", NOW));
    assert!(matches!(taken, Err(AccessError::Taken { .. })));
    for login in ["ada", "@x", "ada@", "a@b@c", "a b@c", &format!("{}@c", "x".repeat(254))] {
        let login = login.to_owned();
        let refused = world.try_write(move |tx| access::add_person(tx, &login, "x", NOW));
        assert!(matches!(refused, Err(AccessError::Invalid { .. })), "{refused:?}");
    }
    let who = world.ada;
    world.write(move |tx| access::rename_person(tx, who, "Countess", BY, NOW));
    assert_eq!(world.read(move |tx| access::person(tx, who)).unwrap().name, "Countess");
    assert!(world.read(access::anybody));
}

fn members_come_page_by_page_and_belong_to_their_organization(database: &Database) {
    let world = World::new(database);
    let acme = world.org("acme");
    for login in ["bob@example.com", "eve@example.com"] {
        world.member(login, Role::Auditor);
    }
    let page = world.read(|tx| access::members(tx, ORG, "ada@example.com", 1));
    let [bob] = &page[..] else { panic!("{page:?}") };
    assert_eq!((&*bob.person.login, bob.role, bob.since), ("bob@example.com", Role::Auditor, NOW));
    let others = world.read(move |tx| access::members(tx, acme, "", 10));
    assert_eq!(others.iter().map(|member| member.person.id).collect::<Vec<_>>(), [world.ada]);
    let ada = world.ada;
    let of = world.read(move |tx| access::memberships(tx, ada));
    assert_eq!(of.iter().map(|of| (of.org, &*of.org_name)).collect::<Vec<_>>(), [(ORG, "default"), (acme, "acme")]);
}

fn the_first_set_up_works_once_for_an_hour_and_only_while_there_is_nobody(database: &Database) {
    let world = World { store: database.open(&[access::SLICE]), ada: access::PersonId(1) };
    let first = world.write(|tx| access::begin_set_up(tx, &fresh(1), NOW)).unwrap();
    let token = world.write(|tx| access::begin_set_up(tx, &fresh(2), NOW)).unwrap();
    world.holds_no(token.expose());
    let open = |token: &kernel::Secret, seconds| {
        let token = token.clone();
        world.read(move |tx| access::set_up_is_open(tx, token.expose(), at(seconds)))
    };
    assert!(!open(&first, 0), "a new start's link takes the old one's place");
    assert!(open(&token, 3599) && open(&token, 3599) && !open(&token, 3600), "looking uses nothing up");
    let set_up = |seconds, login: &'static str| {
        let token = token.clone();
        world.try_write(move |tx| access::set_up(tx, token.expose(), login, "Ada", &HASH, at(seconds)))
    };
    assert!(set_up(3600, BY).unwrap().is_none());
    assert!(set_up(0, "no address").is_err());
    let ada = set_up(0, BY).unwrap().unwrap();
    assert_eq!(world.read(move |tx| access::role_of(tx, ORG, ada)), Some(Role::Admin));
    assert!(world.read(move |tx| access::person(tx, ada)).unwrap().has_password);
    assert!(set_up(0, "eve@example.com").unwrap().is_none(), "it works once");
    assert!(world.write(|tx| access::begin_set_up(tx, &fresh(3), NOW)).is_none());
    assert!(!open(&token, 0));
    assert_eq!(world.done(ORG, "set_up").len(), 1);
}

fn an_invitation_lets_choose_a_password_once(database: &Database) {
    let world = World::new(database);
    let bob = world.member("bob@example.com", Role::Viewer);
    let old = world.write(move |tx| access::invite(tx, bob, &fresh(1), BY, NOW));
    let token = world.write(move |tx| access::invite(tx, bob, &fresh(2), BY, NOW));
    world.holds_no(token.expose());
    let choose = |token: &kernel::Secret, seconds| {
        let token = token.clone();
        world.write(move |tx| access::choose_password(tx, token.expose(), &HASH, at(seconds)))
    };
    assert_eq!((choose(&old, 0), choose(&token, access::INVITATION_SECONDS)), (None, None));
    let asked = token.clone();
    assert_eq!(world.read(move |tx| access::invited(tx, asked.expose(), NOW)), Some(bob));
    assert_eq!((choose(&token, 1), choose(&token, 1)), (Some(bob), None));
    assert!(world.read(move |tx| access::password_of(tx, bob)).is_some_and(|hash| hash == *HASH));
    let token = world.write(move |tx| access::invite(tx, bob, &fresh(4), BY, NOW));
    world.write(move |tx| access::set_person_state(tx, bob, PersonState::Disabled, BY, NOW));
    assert_eq!(choose(&token, 1), None, "who may not sign in chooses nothing");
    assert!(world.try_write(move |tx| access::invite(tx, bob, &fresh(5), BY, NOW)).is_err());
}

/// A session of Ada's.
fn signed_in(world: &World, byte: u8, seconds: i64) -> (kernel::Secret, String) {
    let ada = world.ada;
    world.write(move |tx| {
        if access::password_of(tx, ada)?.is_none() {
            access::set_password(tx, ada, &HASH, None, BY, at(seconds))?;
        }
        let begun = access::begin_sign_in(tx, BY, &from("192.0.2.1"), at(seconds))?;
        let Begun::Try(attempt) = begun else { panic!("{begun:?}") };
        let signed_in = access::finish_sign_in(tx, &attempt, true, &fresh(byte), at(seconds))?.unwrap();
        assert_eq!(signed_in.stage, Stage::Full);
        Ok((signed_in.token, signed_in.session))
    })
}

fn a_session_ends_when_unused_when_old_and_when_its_person_is_disabled(database: &Database) {
    let world = World::new(database);
    let (token, id) = signed_in(&world, 1, 0);
    world.holds_no(token.expose());
    let session = world.session(&token, at(0)).unwrap();
    assert_eq!((session.person, session.org, &*session.login), (world.ada, Some((ORG, Role::Admin)), BY));
    assert_eq!((&*session.origin.address, &*session.origin.agent), ("192.0.2.1", "Browser1"));
    assert!(!session.touch_is_due(at(59)) && session.touch_is_due(at(60)));
    assert!(world.session(&token, at(SESSION_IDLE_SECONDS - 1)).is_some());
    assert!(world.session(&token, at(SESSION_IDLE_SECONDS)).is_none());
    assert!(world.session(&secret("guess"), NOW).is_none());
    let mut used = 0;
    while used < SESSION_SECONDS - SESSION_IDLE_SECONDS / 2 {
        used += SESSION_IDLE_SECONDS / 2;
        let id = id.clone();
        world.write(move |tx| access::touch_session(tx, &id, at(used)));
    }
    assert!(world.session(&token, at(SESSION_SECONDS - 1)).is_some());
    assert!(world.session(&token, at(SESSION_SECONDS)).is_none(), "however much it is used");
    let short = Lifetimes { idle: 60, absolute: 60 };
    let asked = token.clone();
    assert!(world.read(move |tx| access::session(tx, asked.expose(), &short, at(used + 60))).is_none());

    let csrf = access::csrf_token(token.expose());
    assert!(access::csrf_is_right(token.expose(), &csrf) && csrf != token.expose());
    let (other, _) = signed_in(&world, 2, 0);
    assert!(!access::csrf_is_right(other.expose(), &csrf) && !access::csrf_is_right(token.expose(), ""));

    let bob = world.member("bob@example.com", Role::Admin);
    let ada = world.ada;
    assert_ne!(bob, ada);
    world.write(move |tx| access::set_person_state(tx, ada, PersonState::Disabled, BY, NOW));
    assert!(world.session(&other, NOW).is_none());
    world.write(move |tx| access::set_person_state(tx, ada, PersonState::Active, BY, NOW));
    assert!(world.session(&other, NOW).is_none(), "it does not come back");
    assert_eq!((world.done(ORG, "person.disable").len(), world.done(ORG, "person.enable").len()), (1, 1));
    let (token, _) = signed_in(&world, 3, 0);
    let old = world.write(|tx| access::drop_old_sessions(tx, &Lifetimes::default(), at(SESSION_SECONDS + 1)));
    assert!(old == 1 && world.session(&token, NOW).is_none());
}

fn sessions_are_listed_ended_and_bounded(database: &Database) {
    let world = World::new(database);
    let (ada, bob) = (world.ada, world.member("bob@example.com", Role::Viewer));
    let (token, id) = signed_in(&world, 1, 0);
    let (second, second_id) = signed_in(&world, 2, 1);
    let list = move |tx: &mut store::Tx<'_>| access::sessions_of(tx, ada, &Lifetimes::default(), at(2));
    assert_eq!(world.read(list).iter().map(|session| session.id.clone()).collect::<Vec<_>>(), [&*second_id, &id]);
    let foreign = id.clone();
    assert!(!world.write(move |tx| access::end_session(tx, bob, &foreign, "bob", at(2))), "another's stays");
    let own = id;
    assert!(world.write(move |tx| access::end_session(tx, ada, &own, BY, at(2))));
    assert!(world.session(&token, at(2)).is_none());
    let session = world.session(&second, at(2)).unwrap();
    world.write(move |tx| access::sign_out(tx, &session, at(2)));
    assert!(world.session(&second, at(2)).is_none());
    assert_eq!((world.done(ORG, "session.end").len(), world.done(ORG, "sign_out").len()), (1, 1));

    for n in 0..=SESSIONS_MAX {
        signed_in(&world, 100 + u8::try_from(n).unwrap(), n);
    }
    let left = world.read(list);
    assert_eq!(left.len(), usize::try_from(SESSIONS_MAX).unwrap());
    assert_eq!(left.last().unwrap().created_at, at(1), "the oldest went");
    world.write(move |tx| access::end_sessions(tx, ada, None, BY, at(60)));
    assert!(world.read(list).is_empty());
}

fn a_new_password_ends_all_other_sessions(database: &Database) {
    let world = World::new(database);
    let (first, _) = signed_in(&world, 1, 0);
    let (second, keep) = signed_in(&world, 2, 0);
    let ada = world.ada;
    world.write(move |tx| access::set_password(tx, ada, &HASH, Some(&keep), BY, NOW));
    assert!(world.session(&first, NOW).is_none() && world.session(&second, NOW).is_some());
    assert!(!world.done(ORG, "person.password").is_empty());
    world.holds_no(PASSWORD);
}

fn a_session_looks_at_organizations_of_its_person_only(database: &Database) {
    let world = World::new(database);
    let acme = world.org("acme");
    let bob = world.member("bob@example.com", Role::Admin);
    let foreign = world.write(move |tx| access::create_org(tx, "foreign", bob, "bob@example.com", NOW));
    let (token, _) = signed_in(&world, 1, 0);
    let session = world.session(&token, NOW).unwrap();
    let of = session.clone();
    assert_eq!(world.write(move |tx| access::switch_org(tx, &of, acme)), Role::Admin);
    assert_eq!(world.session(&token, NOW).unwrap().org, Some((acme, Role::Admin)));
    let refused = world.try_write(move |tx| access::switch_org(tx, &session, foreign));
    assert!(matches!(refused, Err(AccessError::NoSuch { .. })));
    let ada = world.ada;
    world.write(move |tx| access::set_member(tx, acme, bob, Role::Admin, BY, NOW));
    world.write(move |tx| access::remove_member(tx, acme, ada, BY, NOW));
    assert_eq!(world.session(&token, NOW).unwrap().org, None, "it does not look at what is no longer theirs");
}

fn new_token(role: Role, reach: Reach, seconds: i64) -> NewApiToken {
    NewApiToken { name: "siem".to_owned(), role, reach, expires_at: at(seconds) }
}

fn a_token_opens_its_organization_until_it_ends(database: &Database) {
    let world = World::new(database);
    let ada = world.ada;
    let make = move |reach, byte| {
        let new = new_token(Role::Operator, reach, 3600);
        move |tx: &mut store::Tx<'_>| access::create_api_token(tx, ORG, ada, &new, &fresh(byte), NOW)
    };
    let (text, made) = world.write(make(Reach::Write, 1));
    let (reading, _) = world.write(make(Reach::Read, 2));
    world.holds_no(text.expose());
    let find = |text: &kernel::Secret, seconds| {
        let text = text.clone();
        world.read(move |tx| access::api_token(tx, text.expose(), at(seconds)))
    };
    assert_eq!(find(&text, 3599).as_ref(), Some(&made));
    assert_eq!(find(&text, 3600), None);
    assert_eq!(find(&secret("muster_x"), 0), None);
    let reader = find(&reading, 0).unwrap();
    assert!(made.may(Permission::RunSync) && !made.may(Permission::ManagePeople));
    assert!(reader.may(Permission::ReadInventory) && !reader.may(Permission::RunSync));
    assert!(!made.may(Permission::ManageOwnTokens), "a token makes no tokens");
    assert!(made.touch_is_due(NOW));
    let touched = made.clone();
    world.write(move |tx| access::touch_api_token(tx, &touched, at(5)));
    let used = find(&text, 6).unwrap();
    assert!(used.used_at == Some(at(5)) && !used.touch_is_due(at(64)) && used.touch_is_due(at(65)));
    assert_eq!(world.read(|tx| access::api_tokens(tx, ORG)).len(), 2);
    assert!(world.write(move |tx| access::revoke_api_token(tx, ORG, made.id, BY, NOW)));
    assert_eq!(find(&text, 0), None);
    assert_eq!((world.done(ORG, "api_token.create").len(), world.done(ORG, "api_token.revoke").len()), (2, 1));
    for seconds in [0, access::API_TOKEN_SECONDS_MAX + 1] {
        let new = new_token(Role::Viewer, Reach::Read, seconds);
        let refused = world.try_write(move |tx| access::create_api_token(tx, ORG, ada, &new, &fresh(9), NOW));
        assert!(matches!(refused, Err(AccessError::Invalid { .. })), "{seconds}");
    }
}

fn a_token_is_never_above_its_maker(database: &Database) {
    let world = World::new(database);
    let bob = world.member("bob@example.com", Role::Operator);
    let make = |role, byte| {
        let new = new_token(role, Reach::Write, 3600);
        world.try_write(move |tx| access::create_api_token(tx, ORG, bob, &new, &fresh(byte), NOW))
    };
    for role in [Role::Admin, Role::Auditor] {
        assert!(matches!(make(role, 1), Err(AccessError::AboveOwn { .. })), "{role:?}");
    }
    let (text, _) = make(Role::Operator, 2).unwrap();
    let works = || {
        let text = text.clone();
        world.read(move |tx| access::api_token(tx, text.expose(), NOW)).is_some()
    };
    assert!(works());
    world.write(move |tx| access::set_member(tx, ORG, bob, Role::Viewer, BY, NOW));
    assert!(!works(), "its maker may less now");
    world.write(move |tx| access::set_member(tx, ORG, bob, Role::Operator, BY, NOW));
    world.write(move |tx| access::set_person_state(tx, bob, PersonState::Disabled, BY, NOW));
    assert!(!works());
    world.write(move |tx| access::set_person_state(tx, bob, PersonState::Active, BY, NOW));
    assert!(works());
    world.write(move |tx| access::remove_member(tx, ORG, bob, BY, NOW));
    world.write(move |tx| access::set_member(tx, ORG, bob, Role::Operator, BY, NOW));
    assert!(!works(), "who comes back makes a new one");
}

fn a_token_is_no_way_around_a_second_factor(database: &Database) {
    let world = World::new(database);
    let (ada, bob) = (world.ada, world.member("bob@example.com", Role::Admin));
    let make = |role, byte| {
        let new = new_token(role, Reach::Write, 3600);
        world.try_write(move |tx| access::create_api_token(tx, ORG, bob, &new, &fresh(byte), NOW))
    };
    let (older, _) = make(Role::Admin, 1).unwrap();
    let works = || {
        let text = older.clone();
        world.read(move |tx| access::api_token(tx, text.expose(), NOW)).is_some()
    };
    let enrol = |who| {
        world.write(move |tx| {
            access::enrol_second_factor(tx, &crate::ring(1), who, &[7; 20])?;
            tx.execute("UPDATE access_second_factor SET confirmed_at = 1", &[])?;
            Ok(())
        });
    };
    enrol(ada);
    assert!(works());
    world.write(move |tx| access::set_admins_need_second_factor(tx, true, ada, NOW));
    assert!(matches!(make(Role::Admin, 2), Err(AccessError::AboveOwn { .. })), "who has none is a viewer until then");
    assert!(make(Role::Viewer, 3).is_ok());
    assert!(!works(), "and so is a token that was made before");
    enrol(bob);
    assert!(works() && make(Role::Admin, 4).is_ok());
}

fn another_organizations_token_cannot_be_revoked(database: &Database) {
    let world = World::new(database);
    let (ada, acme) = (world.ada, world.org("acme"));
    let new = new_token(Role::Admin, Reach::Write, 60);
    let (text, made) = world.write(move |tx| access::create_api_token(tx, acme, ada, &new, &fresh(1), NOW));
    assert!(!world.write(move |tx| access::revoke_api_token(tx, ORG, made.id, BY, NOW)));
    assert!(world.read(|tx| access::api_tokens(tx, ORG)).is_empty());
    let found = world.read(move |tx| access::api_token(tx, text.expose(), NOW)).unwrap();
    assert_eq!((found.org, found.may(Permission::ManageInstallation)), (acme, false));
}

fn administrators_may_need_a_second_factor(database: &Database) {
    let world = World::new(database);
    let (ada, vera) = (world.ada, world.member("vera@example.com", Role::Viewer));
    let lacks = |who, role| world.read(move |tx| access::lacks_second_factor(tx, who, role));
    let demand = |on| world.try_write(move |tx| access::set_admins_need_second_factor(tx, on, ada, NOW));
    assert!(!lacks(ada, Role::Admin), "unless somebody demands it");
    assert!(matches!(demand(true), Err(AccessError::Invalid { .. })), "who has none would lock themselves out");
    world.write(move |tx| {
        access::enrol_second_factor(tx, &crate::ring(1), ada, &[7; 20])?;
        // Any code that confirms will do: none is given below.
        tx.execute("UPDATE access_second_factor SET confirmed_at = 1", &[])?;
        Ok(())
    });
    demand(true).unwrap();
    assert!(!lacks(ada, Role::Admin) && !lacks(vera, Role::Viewer) && lacks(vera, Role::Admin));
    world.write(move |tx| access::remove_second_factor(tx, ada, BY, NOW));
    assert!(lacks(ada, Role::Admin));
    demand(false).unwrap();
    assert!(!lacks(ada, Role::Admin) && !lacks(vera, Role::Admin));
    let told: Vec<String> =
        world.done(ORG, "setting.second_factor_of_admins").into_iter().map(|line| line.subject).collect();
    assert_eq!(told, ["on", "off"]);
}

fn a_sign_in_from_elsewhere_stands_in_the_trail(database: &Database) {
    let world = World::new(database);
    let come = |address: &'static str, seconds: i64, byte: u8| {
        world.write(move |tx| {
            let Begun::Try(attempt) = access::begin_sign_in(tx, BY, &from(address), at(seconds))? else {
                unreachable!("nobody failed")
            };
            access::finish_sign_in(tx, &attempt, true, &fresh(byte), at(seconds))
        });
        world.done(ORG, "sign_in.new_address").into_iter().map(|line| line.detail).collect::<Vec<_>>()
    };
    assert!(come("192.0.2.1", 0, 1).is_empty(), "the first time is from nowhere else");
    assert!(come("192.0.2.1", 60, 2).is_empty());
    assert_eq!(come("192.0.2.7", 120, 3), ["from 192.0.2.7"]);
    assert_eq!(come("192.0.2.7", 180, 4).len(), 1, "once");
    assert_eq!(come("192.0.2.1", access::KNOWN_SECONDS + 200, 5).len(), 2, "after a month it is elsewhere again");
}
