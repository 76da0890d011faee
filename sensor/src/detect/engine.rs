//! All rules against one event: the event-type index, first match or all.
