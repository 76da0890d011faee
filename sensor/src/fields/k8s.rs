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
];

/// The pod's uid as the cgroup path names it.
const POD_UID: Getter = |o, _| {
    let uid = o.container?.pod_uid.as_ref()?;
    Some(Value::Text(uid.as_bytes()))
};
