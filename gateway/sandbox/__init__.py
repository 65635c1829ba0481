"""A stateful stand-in for v3.1 (API and OAuth), built on the published spec.

It knows nothing of the gateway's tables: it behaves as v3.1 does on the wire (v31.md), not as they wish.
"""

from gateway.sandbox.faults import Fault, Faults
from gateway.sandbox.sandbox import Sandbox, serve_sandbox
from gateway.sandbox.spec import Operation, Spec, Type
from gateway.sandbox.switches import Switches
from gateway.sandbox.wire import Seen

__all__ = ["Fault", "Faults", "Operation", "Sandbox", "Seen", "Spec", "Switches", "Type", "serve_sandbox"]
