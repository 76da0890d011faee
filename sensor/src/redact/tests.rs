//! What is found and what is not, what is left of it, and that a second look
//! changes nothing.

use proptest::prelude::*;

use super::*;

/// Every detector with this action; patterns take long to compile.
fn all(action: Action) -> &'static Redactor {
    static MADE: [std::sync::OnceLock<Redactor>; 4] = [const { std::sync::OnceLock::new() }; 4];
    MADE[action as usize].get_or_init(|| made(action))
}

fn made(action: Action) -> Redactor {
    let detectors = DETECTORS.iter().map(|row| (row.name, action)).collect();
    Redactor::new(Settings {
        detectors,
        keep: 4,
        key: Key::new(b"0123456789abcdef").ok(),
        ..Settings::default()
    })
}

fn secrets() -> Redactor {
    let rows = DETECTORS.iter().filter(|row| row.class == Class::Secret);
    Redactor::new(Settings {
        detectors: rows.map(|row| (row.name, Action::Mask)).collect(),
        ..Settings::default()
    })
}

/// What is left of a text; NULs are written as `|`.
fn left(redactor: &Redactor, text: &str) -> String {
    let text = text.replace('|', "\0");
    let left = match redactor.value(text.as_bytes()) {
        Outcome::Clean => text,
        Outcome::Changed(bytes) => String::from_utf8(bytes).unwrap(),
        Outcome::Dropped => "dropped".to_owned(),
    };
    left.replace('\0', "|")
}

#[test]
fn every_pattern_compiles_and_there_is_room_for_every_detector() {
    assert!(DETECTORS.len() <= 64);
    for row in DETECTORS {
        if let Some(pattern) = row.pattern() {
            assert!(compiled(pattern).is_some(), "{}", row.name);
        }
        assert!(row.what.len() > 5, "{} says what it finds", row.name);
    }
    assert!(is_secret_name("PGPASSWORD"));
}

#[test]
fn every_program_of_a_row_makes_the_detector_look() {
    let redactor = secrets();
    for text in [
        "mysql -u root -phunter2 db",
        "/usr/bin/mariadb-dump -phunter2",
        "sshpass -p hunter2 ssh a",
        "sshpass -phunter2 ssh a",
        "curl -su admin:hunter2 http://h",
        "curl --user admin:hunter2 http://h",
        "redis-cli -a hunter2 ping",
        "mongosh -u a -p hunter2",
        "ldapsearch -x -w hunter2",
        "smbclient -U bob%hunter2 //h/s",
        "sqlcmd -S h -P hunter2",
        "wlfreerdp /u:a /p:hunter2",
        "unzip -P hunter2 x.zip",
        "7z x -phunter2 a.7z",
        "ipmitool -U a -P hunter2 power",
        "plink -pw hunter2 h",
        "openssl enc -k pass:hunter2",
        "snmpwalk -v3 -A hunter2 h",
        "docker login -u a -p hunter2 registry",
        "http -a bob:hunter2 GET x",
    ] {
        let shown = left(&redactor, text);
        assert!(!shown.contains("hunter2"), "{text} → {shown}");
        assert!(shown.contains(MASK), "{text} → {shown}");
    }
}

#[test]
fn secrets_are_masked_and_what_stands_around_them_stays() {
    let redactor = secrets();
    for (text, expect) in [
        ("x --password=hunter2 -v", "x --password=*** -v"),
        ("x --password hunter2 -v", "x --password *** -v"),
        ("x|--password|hun ter 2|-v|", "x|--password|***|-v|"),
        ("x|--password=hun ter 2|-v|", "x|--password=***|-v|"),
        ("PGPASSWORD=hunter2 PATH=/bin", "PGPASSWORD=*** PATH=/bin"),
        (
            "A=b|AWS_SECRET_ACCESS_KEY=a/b+c|C=d|",
            "A=b|AWS_SECRET_ACCESS_KEY=***|C=d|",
        ),
        ("http://h/?token=abc&x=1", "http://h/?token=***&x=1"),
        (
            "-d {\"password\": \"a \\\" b\", \"x\": 1}",
            "-d {\"password\": \"***\", \"x\": 1}",
        ),
        (
            "-d {\\\"secret\\\":\\\"abc\\\"}",
            "-d {\\\"secret\\\":\\\"***\\\"}",
        ),
        ("-H X-Api-Key: abcdef", "-H X-Api-Key: ***"),
        ("psql postgres://u:p@ss@db/x", "psql postgres://u:***@db/x"),
        (
            "-H Authorization: Bearer abc.def",
            "-H Authorization: Bearer ***",
        ),
        ("-H Authorization: hunter2", "-H Authorization: ***"),
        ("|Authorization: Basic|dTpw|", "|Authorization: Basic|***|"),
        ("Cookie: sid=abc; a=b", "Cookie: ***"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA***"),
        ("x xoxb-123456789012-abcdef", "x xoxb-***"),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "eyJ***",
        ),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "sk_live_***"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
        ),
        (
            "CREATE USER a IDENTIFIED BY 'x y'",
            "CREATE USER a IDENTIFIED BY '***'",
        ),
        ("--password=größe1 x", "--password=*** x"),
    ] {
        let shown = left(&redactor, text);
        let head = shown.get(..expect.len()).unwrap_or(&shown);
        assert_eq!(head, expect, "{text} → {shown}");
    }
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let redactor = secrets();
    for text in [
        "PWD=/root OLDPWD=/tmp LANG=C",
        "cat /etc/passwd /etc/shadow",
        "/usr/lib/x86_64-linux-gnu/security/pam_unix.so",
        "sha256sum e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "git checkout 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "x --password-file=/run/secrets/db --token-ttl 30",
        "docker run -p 8080:80 registry/token:1.2",
        "mysql -P 3306 -p mydb",
        "ssh -p 22 root@host",
        "vault-secret/token:latest",
        "bypass=1 compass=2",
        "kubectl get secret web -o yaml",
        "x --password=$DB_PASS --token=${TOKEN}",
        "PASSWORD= NEXT=1",
        "http://host:8080/path",
        "ya29 AKIA ghp_short xoxb-1 eyJ",
        "task-force sk-learn",
        "123e4567-e89b-12d3-a456-426614174000",
        "/var/lib/docker/overlay2/8d7a1c2f/merged/bin/ls",
        "authorization of users",
        "bob@example.org 10.1.2.3 /home/bob 4111 1111 1111 1111",
        "****** two ** stars",
        "tokens=100 max_tokens: 5",
    ] {
        assert_eq!(left(&redactor, text), text);
    }
}

#[test]
fn personal_data_is_found_when_it_is_looked_for() {
    let redactor = all(Action::Mask);
    for (text, expect) in [
        ("mail bob.x@example.org now", "mail *** now"),
        ("4111 1111 1111 1111", "***"),
        ("5500-0000-0000-0004.", "***."),
        ("card=378282246310005", "card=***"),
        ("10.1.2.3:51000->192.0.2.7:443", "***:51000->***:443"),
        ("to 2001:db8::1.", "to ***."),
        ("/home/bob/.ssh/id", "/home/***/.ssh/id"),
        ("/Users/eve", "/Users/***"),
    ] {
        let shown = left(redactor, text);
        let loose = expect.trim_end_matches('.');
        assert!(shown.starts_with(loose), "{text} → {shown}");
    }
    for text in [
        "4111 1111 1111 1112",
        "1700000000000000042",
        "0000000000000000",
        "127.0.0.1:80 0.0.0.0",
        "v1.2.3 1.2.3 256.1.1.1",
        "std::vector a::b 12:34:56",
        "user@host git@x",
        "/home",
    ] {
        assert_eq!(left(redactor, text), text);
    }
}

#[test]
fn actions_do_what_they_say() {
    let text = "x --token=correct-horse-battery";
    assert_eq!(left(all(Action::Drop), text), "dropped");
    assert_eq!(left(all(Action::KeepPrefix), text), "x --token=corr***");
    let named = left(all(Action::Pseudonym), text);
    assert_eq!(named.len(), "x --token=p1:".len() + 16, "{named}");
    let other = "curl -H 'X-Token: correct-horse-battery'";
    let name = named.rsplit_once('=').unwrap().1;
    assert!(left(all(Action::Pseudonym), other).contains(name));
    let rekeyed = Redactor::new(Settings {
        detectors: vec![("password", Action::Pseudonym)],
        key: Key::new(b"fedcba9876543210").ok(),
        ..Settings::default()
    });
    assert!(!left(&rekeyed, text).contains(name));
    assert!(Key::new(b"short").is_err());
}

#[test]
fn pseudonyms_are_hmac_sha256_of_the_value() {
    // RFC 4231, test case 1: the tag begins b0344c61d8db38535ca8.
    let key = Key::new(&[0x0b; 20]).unwrap();
    assert_eq!(key.pseudonym(b"Hi There"), "p1:wa2eyyoy3m4fgxfi");
}

#[test]
fn fields_are_treated_by_their_names() {
    let redactor = Redactor::new(Settings {
        allow: vec!["fd.*".into()],
        deny: vec!["user.name".into(), "fd.s*p".into()],
        ..Settings::default()
    });
    for (field, expect) in [
        ("fd.name", Treatment::Allow),
        ("fd.sip", Treatment::Deny),
        ("user.name", Treatment::Deny),
        ("user.uid", Treatment::Look),
    ] {
        assert_eq!(redactor.treatment(field), expect, "{field}");
    }
}

#[test]
fn a_recording_keeps_its_lengths_and_leads_to_the_same_text() {
    let redactor = secrets();
    for text in [
        "mysql\0-phunter2\0",
        "x\0--password\0a b c\0AKIAIOSFODNN7EXAMPLE\0",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345 eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "-----BEGIN PRIVATE KEY-----MIIE-----END PRIVATE KEY-----",
        "https://u:p@h/ Authorization: Bearer abcdefgh",
    ] {
        let mut stars = text.as_bytes().to_vec();
        assert!(redactor.star(&mut stars), "{text}");
        assert_eq!(stars.len(), text.len());
        let starred = String::from_utf8(stars).unwrap();
        assert_eq!(
            left(&redactor, &starred),
            left(&redactor, text),
            "{starred}"
        );
    }
    let mut personal = b"bob@example.org 10.1.2.3".to_vec();
    assert!(!all(Action::Mask).star(&mut personal));
}

proptest! {
    #[test]
    fn a_second_look_changes_nothing(
        text in "(--password=|AKIA|://u:|mysql |-p|token: |[a-z0-9 @:/.=-]|\\PC){0,30}",
        action in prop_oneof![
            Just(Action::Mask), Just(Action::KeepPrefix), Just(Action::Pseudonym),
        ],
    ) {
        let redactor = all(action);
        let once = match redactor.value(text.as_bytes()) {
            Outcome::Changed(bytes) => String::from_utf8(bytes).unwrap(),
            _ => text,
        };
        let twice = redactor.again(&once, |_| false);
        if let Some(twice) = twice {
            // More can come to light beside a mask; nothing comes back.
            prop_assert_eq!(redactor.again(&twice, |_| false), None);
        }
    }

    #[test]
    fn any_bytes_are_looked_through(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let redactor = all(Action::Mask);
        let mut stars = bytes.clone();
        redactor.star(&mut stars);
        prop_assert_eq!(stars.len(), bytes.len());
        redactor.value(&bytes);
    }
}
