"""A stateful stand-in for v3.1 (API and OAuth), built on the published spec.

It knows nothing of the gateway's tables: it behaves as v3.1 does on the wire (v31.md), not as they wish.
"""
