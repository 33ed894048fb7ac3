"""Methods that any webhook may call: ``profile``, ``scope``, ``server.time``, ``method.get``, ``app.info``."""

from __future__ import annotations

from collections.abc import Mapping

from demo_portal.clock import print_datetime
from demo_portal.errors import RestError, missing_parameter
from demo_portal.methods.call import Answer, Call, Method


def _profile(call: Call) -> Answer:
    user = next(row for row in call.portal.users if row["ID"] == str(call.portal.user_id))
    return Answer(
        {
            "ID": user["ID"],
            "ADMIN": call.portal.is_admin,
            "NAME": user["NAME"],
            "LAST_NAME": user["LAST_NAME"],
            "PERSONAL_GENDER": user.get("PERSONAL_GENDER", ""),
            "TIME_ZONE": "Europe/Moscow",
            "TIME_ZONE_OFFSET": 0,
        }
    )


def _method_get(call: Call) -> Answer:
    from demo_portal.methods import METHODS  # the table of all methods holds this one too

    name = call.params.get("name")
    if not name:
        raise missing_parameter("name")
    method = METHODS.get(str(name).lower())
    exists = method is not None or str(name).lower() == "batch"
    allowed = exists and (method is None or method.scope is None or method.scope in call.portal.scopes)
    return Answer({"isExisting": exists, "isAvailable": allowed})


def _app_info(call: Call) -> Answer:
    if call.access_token is None:
        raise RestError("ACCESS_DENIED", "Access denied! Application context required")
    return Answer({"ID": 1, "CODE": "local.demo", "VERSION": 1, "STATUS": "L", "INSTALLED": True, "SCOPE": ["crm"]})


METHODS: Mapping[str, Method] = {
    "profile": Method(_profile),
    "scope": Method(lambda call: Answer(sorted(call.portal.scopes))),
    "server.time": Method(lambda call: Answer(print_datetime(call.portal.now()))),
    "method.get": Method(_method_get),
    "app.info": Method(_app_info),
}
