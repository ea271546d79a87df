"""The life of the operator: watches, the work queue, leader election, probes, and its metrics."""
