//! Coverage in, a layer of the ATT&CK Navigator out, in version 4.5 of the
//! layer format.
//!
//! A technique's score is the number of rules in force; its comment names them
//! and those that are off. No version of ATT&CK is given, so that the layer is
//! shown with the one that the Navigator has.

use serde_json::{Value as Json, json};

use super::{Coverage, Group};

/// The layer.
pub(crate) fn layer(coverage: &Coverage) -> Json {
    let most = coverage.techniques.iter().map(|group| group.in_force.len());
    // The format wants more than the lower bound.
    let most = most.max().unwrap_or_default().max(1);
    let techniques: Vec<Json> = coverage.techniques.iter().map(technique).collect();
    json!({
        "name": "Sensor rules",
        "versions": {"navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": format!(
            "{} rules in force, {} off; the score is the number of rules in force",
            coverage.rules.in_force, coverage.rules.off
        ),
        "sorting": 3,
        "layout": {
            "layout": "side",
            "showID": true,
            "showName": true,
            "showAggregateScores": true,
            "countUnscored": false,
            "aggregateFunction": "sum",
            "expandedSubtechniques": "annotated",
        },
        "hideDisabled": false,
        "techniques": techniques,
        "gradient": {
            "colors": ["#ffffff", "#a1d99b", "#238b45"],
            "minValue": 0,
            "maxValue": most,
        },
        "selectTechniquesAcrossTactics": true,
        "selectSubtechniquesWithParent": false,
    })
}

fn technique(group: &Group) -> Json {
    let mut lines = group.in_force.clone();
    lines.extend(group.off.iter().map(|name| format!("{name} (off)")));
    json!({
        "techniqueID": group.id,
        "score": group.in_force.len(),
        "comment": lines.join("\n"),
        "enabled": true,
    })
}
