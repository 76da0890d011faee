//! Fields of classes that have no source here: they load and are missing.

use super::Field;
use super::Type::{Text, Unsigned};

/// syslog.*, fdlist.* and util.*
pub(super) const ROWS: &[Field] = &[
    Field::absent(
        "syslog.facility",
        Unsigned(32),
        "facility of a syslog message",
    ),
    Field::absent("syslog.facility.str", Text, "its name"),
    Field::absent(
        "syslog.severity",
        Unsigned(32),
        "severity of a syslog message",
    ),
    Field::absent("syslog.severity.str", Text, "its name"),
    Field::absent("syslog.message", Text, "text of a syslog message"),
    Field::absent(
        "fdlist.nums",
        Text,
        "poll: descriptor numbers, joined by commas",
    ),
    Field::absent(
        "fdlist.names",
        Text,
        "poll: descriptor names, joined by commas",
    ),
    Field::absent(
        "fdlist.cips",
        Text,
        "poll: addresses of the clients, joined by commas",
    ),
    Field::absent(
        "fdlist.sips",
        Text,
        "poll: addresses of the servers, joined by commas",
    ),
    Field::absent(
        "fdlist.cports",
        Text,
        "poll: ports of the clients, joined by commas",
    ),
    Field::absent(
        "fdlist.sports",
        Text,
        "poll: ports of the servers, joined by commas",
    ),
    Field::absent(
        "util.cnt",
        Unsigned(64),
        "a counter for tests of the language",
    )
    .hidden(),
];
