//! The kernel's description of a place in, one shared [`HomePlace`] out.
//!
//! Thousands of processes live in few places: equal descriptions give the same
//! allocation, and equal cgroup paths the same container. Both memories are
//! bounded; a place met again costs no allocation.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use super::container::{self, Container};
use super::process::HomePlace;
use crate::decode::Place;

/// Places and containers remembered; more than a machine runs at a time.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// The places met lately.
#[derive(Debug)]
pub(crate) struct Places {
    /// By the hash of the description, so that a look-up needs no owned key.
    homes: LruCache<u64, Arc<HomePlace>>,
    containers: LruCache<Box<[u8]>, Arc<Container>>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            homes: LruCache::new(REMEMBERED),
            containers: LruCache::new(REMEMBERED),
        }
    }
}

impl Places {
    /// The shared form of a place.
    pub(crate) fn home(&mut self, place: &Place<'_>) -> Arc<HomePlace> {
        let hash = hash(place);
        if let Some(home) = self.homes.get(&hash)
            && home.is(place)
        {
            return Arc::clone(home);
        }
        let telling = container::telling(place.cgroup, place.cgroup_v1);
        let home = Arc::new(HomePlace {
            cgroup: place.cgroup.into(),
            cgroup_v1: telling.v1.into(),
            hierarchies: place.cgroup_v1.into(),
            ns: place.ns,
            pidns_start_boot_ns: place.pidns_start_boot_ns,
            container: telling.container.and_then(|path| self.container(path)),
        });
        self.homes.put(hash, Arc::clone(&home));
        home
    }

    fn container(&mut self, cgroup: &[u8]) -> Option<Arc<Container>> {
        if let Some(container) = self.containers.get(cgroup) {
            return Some(Arc::clone(container));
        }
        let container = Arc::new(container::from_cgroup(cgroup)?);
        self.containers.put(cgroup.into(), Arc::clone(&container));
        Some(container)
    }
}

fn hash(place: &Place<'_>) -> u64 {
    let ns = &place.ns;
    let mut hasher = DefaultHasher::new();
    (place.cgroup, place.cgroup_v1, place.pidns_start_boot_ns).hash(&mut hasher);
    [ns.mnt, ns.pid, ns.net, ns.user, ns.uts, ns.ipc, ns.cgroup].hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CGROUP: &[u8] =
        b"/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn place(cgroup: &'static [u8], cgroup_v1: &'static [u8], pid_ns: u32) -> Place<'static> {
        let mut place = Place {
            cgroup,
            cgroup_v1,
            ..Place::default()
        };
        place.ns.pid = pid_ns;
        place
    }

    #[test]
    fn equal_places_share_one_allocation_and_other_places_do_not() {
        let mut places = Places::default();
        let first = places.home(&place(CGROUP, b"", 1));
        assert!(Arc::ptr_eq(&first, &places.home(&place(CGROUP, b"", 1))));
        assert!(!Arc::ptr_eq(&first, &places.home(&place(CGROUP, b"", 2))));
    }

    #[test]
    fn equal_cgroups_share_one_container_though_namespaces_differ() {
        let mut places = Places::default();
        let containers = [1, 2].map(|ns| places.home(&place(CGROUP, b"", ns)).container.clone());
        let [Some(a), Some(b)] = containers else {
            panic!("both are in a container: {containers:?}");
        };
        assert!(Arc::ptr_eq(&a, &b));
    }

    #[test]
    fn the_v1_path_names_the_container_when_the_v2_path_names_none() {
        let mut places = Places::default();
        let hybrid = places.home(&place(b"/", CGROUP, 1));
        assert_eq!(
            hybrid.container.as_ref().map(|c| c.id()),
            Some("0123456789ab")
        );
        assert_eq!(places.home(&place(b"/", b"/user.slice", 1)).container, None);
    }

    #[test]
    fn where_hierarchies_differ_the_one_that_names_the_innermost_container_counts() {
        const OUTER: &str =
            "/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        const INNER: &str =
            "/docker/ffeeddccbbaa0000ffeeddccbbaa0000ffeeddccbbaa0000ffeeddccbbaa0000";
        // v2, v1; the container, the v1 path that is shown.
        let cases = [
            ("/", "/user.slice\0{outer}\0", "0123456789ab", "{outer}"),
            ("/", "/a\0/b\0", "", "/a"),
            ("/", "", "", ""),
            ("{outer}", "/user.slice\0", "0123456789ab", "/user.slice"),
            (
                "{outer}",
                "{outer}{inner}\0",
                "ffeeddccbbaa",
                "{outer}{inner}",
            ),
            (
                "{outer}",
                "{outer}\0/x\0{outer}{inner}\0",
                "ffeeddccbbaa",
                "{outer}{inner}",
            ),
            ("{outer}{inner}", "{outer}\0", "ffeeddccbbaa", "{outer}"),
            // As recordings of before have it: one path and no NUL.
            ("/", "{outer}", "0123456789ab", "{outer}"),
        ];
        for (v2, v1, id, shown) in cases {
            let text = |it: &str| it.replace("{outer}", OUTER).replace("{inner}", INNER);
            let (v2, v1, shown) = (text(v2), text(v1), text(shown));
            let place = Place {
                cgroup: v2.as_bytes(),
                cgroup_v1: v1.as_bytes(),
                ..Place::default()
            };
            let home = Places::default().home(&place);
            let named = home.container.as_ref().map_or("", |it| it.id());
            assert_eq!(named, id, "{v2} {v1:?}");
            assert_eq!(*home.cgroup_v1, *shown.as_bytes(), "{v2} {v1:?}");
            assert!(home.is(&place));
        }
    }

    #[test]
    fn ever_new_places_do_not_take_ever_more_memory() {
        let mut places = Places::default();
        for ns in 0..10_000 {
            places.home(&place(CGROUP, b"", ns));
        }
        assert_eq!(places.homes.len(), REMEMBERED.get());
    }
}
