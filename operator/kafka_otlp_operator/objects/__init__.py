"""The Kubernetes objects of a resource: their content, and which objects belong to the operator. Pure."""
