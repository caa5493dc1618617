"""The suites that come with the harness, a role each."""
