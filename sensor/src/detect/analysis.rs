//! What a condition can match: the event types that can satisfy it.
