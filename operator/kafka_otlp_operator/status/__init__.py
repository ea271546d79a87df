"""The status of a resource: conditions, what pods report, and the Events that tell of a change. Pure."""
