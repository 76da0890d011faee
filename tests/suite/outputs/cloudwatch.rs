//! `CloudWatch` Logs: what leaves is signed and within the limits, each error has its
//! consequence, and keys are found wherever AWS puts them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use sensor::alert::{Alert, Priority};
use sensor::deliver::Delivery;
use serde_json::{Value, json};

use super::{FAST, account, alert_of, eventually, finish, send, start};
use crate::stand_in::aws::Signer;
use crate::stand_in::intake::{Intake, Request};

const SIGNER: Signer = Signer {
    id: "AKIDEXAMPLE",
    secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    session: "",
};
const DAY: Duration = Duration::from_hours(24);

fn error(name: &str) -> (u16, String) {
    let body = json!({"__type": format!("com.amazonaws.logs#{name}"), "message": "as told"});
    (400, body.to_string())
}

/// The service's checks of a call, by its documentation; gives what was called and
/// its body, or the answer to one that is refused.
fn checked(request: &Request, signer: &Signer) -> Result<(String, Value), (u16, String)> {
    if let Err(why) = signer.check(request, "eu-central-1", "logs") {
        println!("refused: {why}");
        return Err(error("InvalidSignatureException"));
    }
    let action = request
        .header("x-amz-target")
        .strip_prefix("Logs_20140328.");
    let kind = request.header("content-type") == "application/x-amz-json-1.1";
    let (Some(action), true, "/") = (action, kind, request.uri.path()) else {
        return Err(error("UnknownOperationException"));
    };
    let body: Value = serde_json::from_slice(&request.bytes).unwrap();
    if action == "PutLogEvents" {
        let events = body["logEvents"].as_array().unwrap();
        let times: Vec<u64> = events
            .iter()
            .map(|event| event["timestamp"].as_u64().unwrap())
            .collect();
        let size = |event: &Value| event["message"].as_str().unwrap().len() + 26;
        let bytes: usize = events.iter().map(size).sum();
        let span = times[times.len() - 1] - times[0];
        let fits = (1..=10_000).contains(&events.len()) && bytes <= 1_048_576;
        if !times.is_sorted() || !fits || Duration::from_millis(span) >= DAY {
            return Err(error("InvalidParameterException"));
        }
    }
    Ok((action.to_owned(), body))
}

/// An output that sends to `url` with the keys of [`SIGNER`].
fn to(url: &str, home: &Path, more: &str) -> Delivery {
    fs::write(home.join("id"), SIGNER.id).unwrap();
    fs::write(home.join("secret"), SIGNER.secret).unwrap();
    let home = home.display();
    start(&format!(
        "type: cloudwatch, endpoint: '{url}', region: eu-central-1, group: /sensor, \
         credentials: {{access_key_id: 'file:{home}/id', secret_access_key: 'file:{home}/secret'}}, \
         {more} {FAST}"
    ))
}

fn at(rule: &str, before: Duration) -> Arc<Alert> {
    let mut alert = (*alert_of(rule, Priority::Warning)).clone();
    alert.time_ns -= u64::try_from(before.as_nanos()).unwrap();
    alert.into()
}

#[test]
fn requests_are_signed_in_the_order_of_time_and_within_a_day() {
    let home = tempfile::tempdir().unwrap();
    let intake = Intake::start(|request| match checked(request, &SIGNER) {
        Ok(_) => (200, "{}".into()),
        Err(answer) => answer,
    });
    let more = "stream: 'a {rule}', batch: {max_age_ms: 60000},";
    let delivery = to(&intake.url(), home.path(), more);
    let mut sent = BTreeSet::new();
    // Only those 24 and 25 hours ago fit into one request.
    for (rule, hours) in [
        ("x:*", 0),
        ("x:*", 75),
        ("y", 25),
        ("x:*", 24),
        ("x:*", 25),
        ("x:*", 50),
        ("y", 0),
    ] {
        let alert = at(rule, Duration::from_hours(hours));
        sent.insert(alert.id.to_string());
        delivery.send(&alert);
    }
    let account = finish(delivery);
    assert_eq!((account.delivered, account.retries), (7, 0), "{account:?}");
    let bodies: Vec<Value> = intake
        .seen()
        .iter()
        .map(|it| serde_json::from_str(&it.body).unwrap())
        .collect();
    let streams: Vec<&str> = bodies
        .iter()
        .map(|body| body["logStreamName"].as_str().unwrap())
        .collect();
    assert_eq!(streams, ["a x--", "a x--", "a x--", "a x--", "a y", "a y"]);
    let texts = bodies
        .iter()
        .flat_map(|body| body["logEvents"].as_array().unwrap());
    let alerts =
        texts.map(|event| serde_json::from_str::<Value>(event["message"].as_str().unwrap()));
    let uuids = alerts.map(|alert| alert.unwrap()["uuid"].as_str().unwrap().to_owned());
    assert_eq!(uuids.collect::<BTreeSet<_>>(), sent);
}

#[test]
fn each_error_has_its_consequence() {
    for (name, refused, blocked) in [
        ("ThrottlingException", 0, false),
        ("ServiceUnavailableException", 0, false),
        ("LimitExceededException", 0, false),
        ("ResourceNotFoundException", 0, true),
        ("AccessDeniedException", 0, true),
        ("UnrecognizedClientException", 0, true),
        ("ExpiredTokenException", 0, true),
        ("InvalidParameterException", 1, false),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut answers = vec![error(name); 2];
        let intake = Intake::start(move |_| answers.pop().unwrap_or((200, "{}".into())));
        let delivery = to(&intake.url(), home.path(), "");
        send(&delivery, 1);
        eventually(name, || {
            let account = account(&delivery);
            account.delivered + account.refused == 1
        });
        let account = finish(delivery);
        assert_eq!(
            (account.refused, account.delivered),
            (refused, 1 - refused),
            "{name}"
        );
        // Keys that are refused are fetched anew and tried at once.
        let retries = match (refused, blocked, name) {
            (1, ..) => 0,
            (0, true, "ResourceNotFoundException") | (0, false, _) => 2,
            _ => 1,
        };
        assert_eq!(account.retries, retries, "{name}");
    }
}

#[test]
fn what_the_answer_rejects_is_given_up_alone() {
    let home = tempfile::tempdir().unwrap();
    let intake = Intake::start(|request| match checked(request, &SIGNER) {
        Ok(_) => {
            let rejected = json!({"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 4,
                                  "expiredLogEventEndIndex": 2});
            (200, json!({"rejectedLogEventsInfo": rejected}).to_string())
        }
        Err(answer) => answer,
    });
    let delivery = to(&intake.url(), home.path(), "batch: {max_age_ms: 60000},");
    send(&delivery, 6);
    let account = finish(delivery);
    assert_eq!((account.delivered, account.refused), (2, 4), "{account:?}");
    assert_eq!(intake.seen().len(), 1);
}

#[test]
fn a_group_and_a_stream_that_are_not_there_are_made_when_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let (mut group, mut stream) = (false, false);
    let intake = Intake::start(move |request| {
        let (action, body) = match checked(request, &SIGNER) {
            Ok(call) => call,
            Err(answer) => return answer,
        };
        assert_eq!(body["logGroupName"], "/sensor");
        match &*action {
            "CreateLogGroup" => group = true,
            "CreateLogStream" if group => {
                assert_eq!(body["logStreamName"], "node1");
                // Another sensor was faster.
                let before = std::mem::replace(&mut stream, true);
                assert!(!before);
                return error("ResourceAlreadyExistsException");
            }
            "PutLogEvents" if stream => return (200, "{}".into()),
            _ => return error("ResourceNotFoundException"),
        }
        (200, String::new())
    });
    let delivery = to(&intake.url(), home.path(), "create: true,");
    send(&delivery, 1);
    eventually("it is taken", || account(&delivery).delivered == 1);
    assert_eq!(finish(delivery).retries, 0);
    let seen = intake.seen();
    let actions: Vec<_> = seen
        .iter()
        .map(|it| it.header("x-amz-target").split('.').nth(1).unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "PutLogEvents",
            "CreateLogStream",
            "CreateLogGroup",
            "CreateLogStream",
            "PutLogEvents"
        ]
    );
}

/// What gives out keys, and the service beside it: only the second keys are good.
fn cloud(request: &Request, asked: &mut u32) -> (u16, String) {
    const NEW: Signer = Signer {
        id: "ASIANEW",
        secret: "new/secret",
        session: "new+session==",
    };
    let end = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    let mut keys = || {
        *asked += 1;
        let name = if *asked == 1 { "OLD" } else { "NEW" };
        let of = |text: &str| {
            if name == "NEW" {
                text.to_owned()
            } else {
                "old".to_owned()
            }
        };
        [of(NEW.id), of(NEW.secret), of(NEW.session)]
    };
    let json = |[id, secret, token]: [String; 3]| {
        json!({"Code": "Success", "AccessKeyId": id, "SecretAccessKey": secret, "Token": token,
               "Expiration": end})
        .to_string()
    };
    let (path, is_put) = (request.uri.path(), request.method == "PUT");
    let token = request.header("x-aws-ec2-metadata-token") == "machine";
    match path {
        "/container" if request.header("authorization") == "pod token" => (200, json(keys())),
        "/latest/api/token"
            if is_put && request.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600" =>
        {
            (200, "machine".into())
        }
        "/latest/meta-data/iam/security-credentials/" if token => (200, "a-role\n".into()),
        "/latest/meta-data/iam/security-credentials/a-role" if token => (200, json(keys())),
        "/sts" => {
            let wanted = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx\
                          &RoleSessionName=sensor&WebIdentityToken=web%2Btoken";
            assert_eq!(request.body, wanted);
            let [id, secret, token] = keys();
            (
                200,
                format!(
                    "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>{id}</AccessKeyId>\
                 <SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>\
                 <Expiration>{end}</Expiration></Credentials></AssumeRoleWithWebIdentityResponse>"
                ),
            )
        }
        "/" => match checked(request, &NEW) {
            Ok(_) => (200, "{}".into()),
            Err(_) => error("ExpiredTokenException"),
        },
        _ => (403, String::new()),
    }
}

#[test]
fn keys_are_found_where_aws_puts_them_and_fetched_anew_when_they_are_refused() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("pod"), "pod token").unwrap();
    fs::write(home.path().join("web"), "web+token").unwrap();
    let of = |file: &str| home.path().join(file).display().to_string();
    for source in ["container", "web identity", "machine"] {
        let mut asked = 0;
        let intake = Intake::start(move |request| cloud(request, &mut asked));
        let url = intake.url();
        let environment = match source {
            "container" => vec![
                (
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                    format!("{url}/container"),
                ),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", of("pod")),
            ],
            "web identity" => vec![
                ("AWS_WEB_IDENTITY_TOKEN_FILE", of("web")),
                ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x".into()),
                ("AWS_ENDPOINT_URL_STS", format!("{url}/sts")),
            ],
            _ => vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.clone())],
        };
        tried(home.path(), &url, environment, source);
        let seen = intake.seen();
        let calls = seen.iter().filter(|request| request.uri.path() == "/");
        assert_eq!(
            calls.count(),
            2,
            "{source}: once with the old keys, once with the new"
        );
    }
}

#[test]
fn keys_of_the_environment_come_before_those_of_a_file() {
    const OF_FILE: Signer = Signer {
        id: "FILE",
        secret: "of file",
        session: "s",
    };
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let text = "[default]\naws_access_key_id = FILE\naws_secret_access_key = of file\naws_session_token = s\n";
    fs::write(home.path().join(".aws/credentials"), text).unwrap();
    for (environment, signer) in [
        (vec![], OF_FILE),
        (
            vec![
                ("AWS_ACCESS_KEY_ID", SIGNER.id.to_owned()),
                ("AWS_SECRET_ACCESS_KEY", SIGNER.secret.to_owned()),
            ],
            SIGNER,
        ),
    ] {
        let intake = Intake::start(move |request| match checked(request, &signer) {
            Ok(_) => (200, "{}".into()),
            Err(answer) => answer,
        });
        tried(home.path(), &intake.url(), environment, "keys that stay");
    }
}

/// `sensor outputs test` with this environment and nothing else of ours.
fn tried(home: &Path, url: &str, environment: Vec<(&str, String)>, source: &str) {
    let config = home.join("sensor.yaml");
    let output = format!("type: cloudwatch, group: /sensor, endpoint: '{url}', {FAST}");
    fs::write(&config, format!("outputs: [{{{output}}}]\n")).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_sensor"))
        .args(["outputs", "test", "-c"])
        .arg(config)
        .env_clear()
        .env("HOME", home)
        .env("AWS_REGION", "eu-central-1")
        .envs(environment)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{source}: {said}");
}
