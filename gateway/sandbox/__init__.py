"""A stateful stand-in for v3.1 (API and OAuth), built on the published spec; it knows nothing of our tables."""
