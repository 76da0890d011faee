//! The Kubernetes pod the acting process belongs to.
//!
//! The pod's uid stands in the cgroup path. All else comes from the runtime
//! and is missing until it is asked.

use super::Type::Text;
use super::{ArgRule, Field, Getter, Value};

/// k8s.*
pub(super) const ROWS: &[Field] = &[
    Field::absent("k8s.pod.name", Text, "name of the pod").suggested(),
    Field::absent("k8s.ns.name", Text, "namespace of the pod").suggested(),
    Field::process("k8s.pod.uid", Text, POD_UID, "uid of the pod"),
    Field::process(
        "k8s.pod.id",
        Text,
        POD_UID,
        "uid of the pod, by its old name",
    ),
    Field::absent("k8s.pod.label", Text, "one label of the pod, by its key").arg(ArgRule::Required),
    Field::absent("k8s.pod.labels", Text, "all labels of the pod"),
    Field::absent("k8s.pod.ip", Text, "address of the pod"),
    Field::absent(
        "k8s.pod.sandbox_id",
        Text,
        "first 12 characters of the pod's sandbox id",
    ),
    Field::absent("k8s.pod.full_sandbox_id", Text, "the pod's sandbox id"),
    Field::absent(
        "k8s.pod.cni.json",
        Text,
        "what the pod's network plugin said",
    ),
    // Falco keeps these for old rules; they have no value there either.
    old("k8s.ns.id"),
    old_label("k8s.ns.label"),
    old("k8s.ns.labels"),
    old("k8s.rc.name"),
    old("k8s.rc.id"),
    old_label("k8s.rc.label"),
    old("k8s.rc.labels"),
    old("k8s.svc.name"),
    old("k8s.svc.id"),
    old_label("k8s.svc.label"),
    old("k8s.svc.labels"),
    old("k8s.rs.name"),
    old("k8s.rs.id"),
    old_label("k8s.rs.label"),
    old("k8s.rs.labels"),
    old("k8s.deployment.name"),
    old("k8s.deployment.id"),
    old_label("k8s.deployment.label"),
    old("k8s.deployment.labels"),
];

/// A field of what a pod belongs to, for old rules only.
const fn old(name: &'static str) -> Field {
    Field::absent(name, Text, "kept for old rules; never has a value").hidden()
}

/// The same, by a label's key.
const fn old_label(name: &'static str) -> Field {
    old(name).arg(ArgRule::Required)
}

/// The pod's uid as the cgroup path names it.
const POD_UID: Getter = |o, _| {
    let uid = o.container?.pod_uid.as_ref()?;
    Some(Value::Text(uid.as_bytes()))
};
