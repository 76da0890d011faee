//! What is looked for: one row each, with its name, its meaning and the words
//! without which there is nothing to find.
//!
//! In a pattern every group is a secret part and what stands outside the groups
//! stays, so that a key still shows whose it is. A part of stars is a finding as
//! well: so a recording whose secrets are starred leads to the same alerts.

use std::ops::Range;

use super::{assignment, option, personal};

/// Why something is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Who has it can act as somebody else.
    Secret,
    /// It tells who somebody is.
    Personal,
}

/// Gives every place of something in a text.
type Finder = fn(&[u8], &mut dyn FnMut(Range<usize>));

/// How something is found.
pub(super) enum Find {
    /// A regular expression over bytes.
    Pattern(&'static str),
    /// What no regular expression says well.
    Code(Finder),
}

/// One thing to look for.
pub struct Detector {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it finds, for people.
    pub what: &'static str,
    /// Why: secrets are redacted unless told otherwise, personal data is not.
    pub class: Class,
    /// Without one of these, in any case, there is nothing; empty: look always.
    pub(super) words: &'static [&'static str],
    pub(super) find: Find,
}

impl Detector {
    pub(super) fn pattern(&self) -> Option<&'static str> {
        match self.find {
            Find::Pattern(pattern) => Some(pattern),
            Find::Code(_) => None,
        }
    }
}

const fn secret(
    name: &'static str,
    what: &'static str,
    words: &'static [&'static str],
    find: Find,
) -> Detector {
    Detector {
        name,
        what,
        class: Class::Secret,
        words,
        find,
    }
}

const fn personal(
    name: &'static str,
    what: &'static str,
    words: &'static [&'static str],
    find: Find,
) -> Detector {
    Detector {
        name,
        what,
        class: Class::Personal,
        words,
        find,
    }
}

/// All there are; at most 64. The order decides which of two detectors tells
/// what both found at the same place.
pub static DETECTORS: &[Detector] = &[
    secret(
        "password",
        "what is assigned to a name such as `password`, `token` or `API_KEY`, as an option, \
         a variable, a header or in JSON",
        assignment::WORDS,
        Find::Code(assignment::find),
    ),
    secret(
        "option",
        "passwords in options of known programs: `mysql -p…`, `curl -u user:…`, `sshpass -p …`",
        option::PROGRAMS,
        Find::Code(option::find),
    ),
    secret(
        "url",
        "the password in `scheme://user:password@host`",
        // A path that the kernel resolved has one slash where the address had two.
        &[":/"],
        Find::Pattern(r"[A-Za-z0-9]:/{1,3}[^\s\x00/?#:@]*:([^\s\x00/?#]+)@"),
    ),
    secret(
        "authorization",
        "what follows `Authorization:`, `Bearer` or `Cookie:`",
        &["authorization", "bearer", "cookie:"],
        Find::Pattern(
            r#"(?xi)
            authorization ["']? \s* [:=] [\s\x00]* ["']? (?:
                (?:basic|bearer|token|digest|negotiate|splunk|apikey|geniekey) [\s\x00]+ ([^\s\x00"']+)
              | ([a-z][a-z0-9-]* [\s\x00]+ [^\s\x00"']+)
              | ([^\s\x00"']+)
            )
          | \b bearer [\x20\x00:=]+ ([a-z0-9._~+/=*-]{8,})
          | \b cookie: \s* ((?: [^\s;="'\x00]+ = [^\s;"'\x00]+ ;? \s?)+)"#,
        ),
    ),
    secret(
        "private-key",
        "private keys in PEM",
        &["private key"],
        Find::Pattern(
            r"(?s)-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(.+?)(?:-----END|\z)",
        ),
    ),
    secret(
        "jwt",
        "JSON web tokens",
        &["eyj"],
        Find::Pattern(
            r"\beyJ([A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?|\*{12,})",
        ),
    ),
    secret(
        "aws",
        "AWS access key ids",
        &["akia", "asia", "abia", "acca"],
        Find::Pattern(r"\b(?:AKIA|ASIA|ABIA|ACCA)([A-Z0-9]{16}\b|\*{16})"),
    ),
    secret(
        "github",
        "GitHub tokens",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        Find::Pattern(
            r"\bgh[pousr]_([A-Za-z0-9]{36,}|\*{36,})|\bgithub_pat_([A-Za-z0-9_]{22,}|\*{22,})",
        ),
    ),
    secret(
        "gitlab",
        "GitLab tokens",
        &["glpat-", "glrt-", "gldt-"],
        Find::Pattern(r"\bgl(?:pat|rt|dt)-([A-Za-z0-9_-]{20,}|\*{20,})"),
    ),
    secret(
        "slack",
        "Slack tokens and webhook addresses",
        &["xox", "xapp-", "hooks.slack.com/"],
        Find::Pattern(
            r"\b(?:xox[a-z]|xapp)-([A-Za-z0-9-]{10,}|\*{10,})|hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_-]{16,}|\*{16,})",
        ),
    ),
    secret(
        "gcp",
        "Google API keys, OAuth tokens and client secrets",
        &["aiza", "ya29.", "gocspx-"],
        Find::Pattern(
            r"\bAIza([0-9A-Za-z_-]{35}|\*{35})|\bya29\.([0-9A-Za-z_-]{20,}|\*{20,})|\bGOCSPX-([A-Za-z0-9_-]{20,}|\*{20,})",
        ),
    ),
    secret(
        "azure",
        "Azure account keys, signatures of shared access and client secrets",
        &["sig=", "8q~", "accountkey=", "sharedaccesskey="],
        Find::Pattern(
            r"(?i:accountkey|sharedaccesskey)=([A-Za-z0-9+/=*]{20,})|[?&]sig=([A-Za-z0-9%+/=*]{20,})|\b([A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34})",
        ),
    ),
    secret(
        "stripe",
        "Stripe keys and secrets of webhooks",
        &["k_live_", "k_test_", "whsec_"],
        Find::Pattern(
            r"\b[srp]k_(?:live|test)_([0-9A-Za-z]{16,}|\*{16,})|\bwhsec_([A-Za-z0-9+/=]{24,}|\*{24,})",
        ),
    ),
    secret(
        "service",
        "tokens of further services: npm, PyPI, SendGrid, OpenAI, Anthropic, Vault, \
         DigitalOcean, Docker, Hugging Face",
        &[
            "npm_",
            "pypi-",
            "sg.",
            "sk-",
            "hvs.",
            "dop_v1_",
            "dckr_pat_",
            "hf_",
        ],
        Find::Pattern(
            r"(?x)
            \b npm_ ([A-Za-z0-9]{36} \b | \*{36})
          | \b pypi-AgE ([A-Za-z0-9_-]{50,} | \*{50,})
          | \b SG\. ([A-Za-z0-9_-]{16,32} \. [A-Za-z0-9_-]{16,64} | \*{33,})
          | \b sk-(?:proj-|ant-|svcacct-)? ([A-Za-z0-9_-]{32,} | \*{32,})
          | \b hvs\. ([A-Za-z0-9_-]{24,} | \*{24,})
          | \b dop_v1_ ([a-f0-9]{64} | \*{64})
          | \b dckr_pat_ ([A-Za-z0-9_-]{20,} | \*{20,})
          | \b hf_ ([A-Za-z]{34} \b | \*{34})",
        ),
    ),
    secret(
        "sql",
        "passwords in SQL: `IDENTIFIED BY '…'`",
        &["identified"],
        Find::Pattern(r"(?i)\bidentified\s+(?:with\s+\S+\s+)?by\s+(?:password\s+)?'([^']+)'"),
    ),
    personal(
        "email",
        "addresses of mail",
        &["@"],
        Find::Pattern(r"\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b"),
    ),
    personal(
        "card",
        "numbers of payment cards, by their check digit",
        &[],
        Find::Code(personal::cards),
    ),
    personal(
        "ip",
        "IP addresses but those of the loopback",
        &[],
        Find::Code(personal::addresses),
    ),
    personal(
        "home",
        "names of users in paths of home directories",
        &["/home/", "/users/"],
        Find::Pattern(r#"/(?:home|Users)/([^/\s\x00:"'*]+)"#),
    ),
];
