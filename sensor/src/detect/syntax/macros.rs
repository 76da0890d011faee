//! Macro references in, the trees they stand for in their place.
//!
//! A resolved tree is bounded in size and depth however macros use each
//! other, so whatever walks it later may recurse.

use std::sync::Arc;

use super::ast::{Expansion, Expr, ExprKind, Span};

/// Comparisons in one condition, macros counted in full.
const MAX_CHECKS: usize = 100_000;

/// Levels of nesting in one condition, macros counted in full.
const MAX_DEPTH: usize = 1_000;

/// Why a macro reference cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacroError {
    /// There is no macro of this name, or none that may be used here.
    #[error("undefined macro `{name}`")]
    Undefined {
        /// The name.
        name: String,
        /// Where it is used.
        span: Span,
    },
    /// The condition would become larger than any a person writes.
    #[error("the condition is too large once its macros are filled in")]
    TooLarge {
        /// The reference that made it so, or the whole condition.
        span: Span,
    },
}

/// Replaces macro references by what `find` gives for their names, which must
/// be resolved already. The tree's own spans stay as they are.
///
/// # Errors
/// Every reference that `find` does not know, or the one error that the
/// result would be too large.
pub fn resolve_macros(
    expr: &Expr,
    find: &mut dyn FnMut(&str) -> Option<Arc<Expr>>,
) -> Result<Expr, Vec<MacroError>> {
    let mut errors = Vec::new();
    let resolved = resolve(expr, find, &mut errors);
    let (checks, depth) = extent(&resolved);
    if errors.is_empty() && (checks > MAX_CHECKS || depth > MAX_DEPTH) {
        errors.push(MacroError::TooLarge { span: expr.span });
    }
    if errors.is_empty() {
        Ok(resolved)
    } else {
        Err(errors)
    }
}

fn resolve(
    expr: &Expr,
    find: &mut dyn FnMut(&str) -> Option<Arc<Expr>>,
    errors: &mut Vec<MacroError>,
) -> Expr {
    let mut all = |children: &[Expr]| {
        let mut resolved = Vec::with_capacity(children.len());
        for child in children {
            resolved.push(resolve(child, find, errors));
        }
        resolved
    };
    let kind = match &expr.kind {
        ExprKind::Or(children) => ExprKind::Or(all(children)),
        ExprKind::And(children) => ExprKind::And(all(children)),
        ExprKind::Not(child) => ExprKind::Not(Box::new(resolve(child, find, errors))),
        ExprKind::Macro(name) => {
            if let Some(body) = find(name) {
                let (checks, depth) = extent(&body);
                ExprKind::Expanded(Expansion {
                    name: name.clone(),
                    body,
                    checks,
                    depth,
                })
            } else {
                errors.push(MacroError::Undefined {
                    name: name.clone(),
                    span: expr.span,
                });
                expr.kind.clone()
            }
        }
        kind @ (ExprKind::Check(_) | ExprKind::Expanded(_)) => kind.clone(),
    };
    Expr {
        kind,
        span: expr.span,
    }
}

/// Number of checks and levels of nesting. Macros within are not walked: they
/// know their own, or a chain of doubling macros would take forever.
fn extent(expr: &Expr) -> (usize, usize) {
    match &expr.kind {
        ExprKind::Or(children) | ExprKind::And(children) => {
            let (checks, depth) = children.iter().map(extent).fold((0, 0), |sum, child| {
                (usize::saturating_add(sum.0, child.0), sum.1.max(child.1))
            });
            (checks, depth.saturating_add(1))
        }
        ExprKind::Not(child) => {
            let (checks, depth) = extent(child);
            (checks, depth.saturating_add(1))
        }
        ExprKind::Expanded(expansion) => (expansion.checks, expansion.depth.saturating_add(1)),
        ExprKind::Check(_) | ExprKind::Macro(_) => (1, 1),
    }
}
