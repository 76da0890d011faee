//! Items of a recording in, the same items with their secrets starred out.
//!
//! Only texts change, and no text changes its length: what is read back has the
//! same fields in the same places. Runs on the thread that writes, never on the
//! walk.

use super::bytes::Take;
use super::learned::{self, tag};
use crate::decode;
use crate::enrich::learned::{Found, Learned};
use crate::enrich::process::Image;
use crate::redact::Redactor;

/// Stars out the secrets in whole items, one behind the other.
pub(super) fn items(bytes: &mut [u8], redactor: &Redactor) {
    let mut rest = bytes;
    while let Some((head, behind)) = rest.split_at_mut_checked(5) {
        let mut take = Take(head);
        let (Ok(tag), Ok(length)) = (take.u8(), take.u32()) else {
            return;
        };
        let Some((payload, next)) = behind.split_at_mut_checked(length as usize) else {
            return;
        };
        if redactor.suspects(payload) {
            item(tag, payload, redactor);
        }
        rest = next;
    }
}

fn item(tag: u8, payload: &mut [u8], redactor: &Redactor) {
    match tag {
        tag::RECORD => record(payload, redactor),
        tag::SEED | tag::PROCESS => {
            let Ok(Some(mut learned)) = learned::take(tag, payload) else {
                return;
            };
            match &mut learned {
                Learned::Seed(all) => all.iter_mut().for_each(|it| found(it, redactor)),
                Learned::Process {
                    found: Some(it), ..
                } => found(it, redactor),
                _ => return,
            }
            let mut again = Vec::with_capacity(payload.len());
            learned::put(&learned, &mut again);
            // Stars are as long as what they stand for, so it always fits.
            if again.len() == payload.len() {
                payload.copy_from_slice(&again);
            }
        }
        _ => {}
    }
}

fn record(record: &mut [u8], redactor: &Redactor) {
    let mut places = Vec::new();
    if let Ok(event) = decode::decode(record, 0) {
        let start = record.as_ptr().addr();
        decode::texts(&event, &mut |text| {
            let from = text.as_ptr().addr().wrapping_sub(start);
            places.push(from..from.wrapping_add(text.len()));
        });
    }
    for place in places {
        if let Some(text) = record.get_mut(place) {
            redactor.star(text);
        }
    }
}

fn found(found: &mut Found, redactor: &Redactor) {
    let image = &found.image;
    let mut argv = [&image.exe, &b"\0"[..], &image.argv_rest].concat();
    let mut env = image.env.to_vec();
    let mut cwd = found.cwd.to_vec();
    redactor.star(&mut argv);
    redactor.star(&mut env);
    redactor.star(&mut cwd);
    let (full, kept) = (image.argv_full, image.argv_kept);
    let mut starred = Image::new(&argv, &env, &image.exe_path, image.file);
    starred.argv_full = full;
    starred.argv_kept = kept;
    found.image = starred;
    found.cwd = cwd.into();
}
