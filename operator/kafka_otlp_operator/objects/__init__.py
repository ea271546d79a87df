"""The Kubernetes objects that a resource becomes: what they look like, and which of them are ours. Pure."""
