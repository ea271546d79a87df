"""What the tests run in the client pod, where the cluster's names and addresses mean something."""
