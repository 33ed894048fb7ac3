"""The methods of the simulated portal: name, scope and handler of each."""

from __future__ import annotations

from collections.abc import Mapping

from demo_portal.methods import crm, event, history, reference, service, staff
from demo_portal.methods.call import Answer, Call, Method

METHODS: Mapping[str, Method] = {
    **crm.METHODS,
    **history.METHODS,
    **reference.METHODS,
    **staff.METHODS,
    **service.METHODS,
    **event.METHODS,
}

__all__ = ["METHODS", "Answer", "Call", "Method"]
