"""The status of a resource: its conditions, the reports of pods, and the Events about changes. Pure."""
