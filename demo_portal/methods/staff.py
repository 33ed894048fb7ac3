"""``user.get``, ``user.fields``, ``user.current``, ``user.admin``, ``department.get``, ``department.fields``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demo_portal.filters import to_number
from demo_portal.listing import PAGE
from demo_portal.methods.call import Answer, Call, Method
from demo_portal.php import as_list

USER_FIELD_TITLES: Mapping[str, str] = {
    "ID": "ID",
    "XML_ID": "Внешний код",
    "ACTIVE": "Активность",
    "NAME": "Имя",
    "LAST_NAME": "Фамилия",
    "SECOND_NAME": "Отчество",
    "TITLE": "Список пользователей",
    "EMAIL": "E-Mail",
    "LAST_LOGIN": "Последняя авторизация",
    "DATE_REGISTER": "Дата регистрации",
    "TIME_ZONE": "TIME_ZONE",
    "IS_ONLINE": "IS_ONLINE",
    "TIMESTAMP_X": "TIMESTAMP_X",
    "LAST_ACTIVITY_DATE": "LAST_ACTIVITY_DATE",
    "PERSONAL_GENDER": "Пол",
    "PERSONAL_WWW": "Домашняя страничка",
    "PERSONAL_BIRTHDAY": "Дата рождения",
    "PERSONAL_MOBILE": "Личный мобильный",
    "PERSONAL_CITY": "Город проживания",
    "WORK_PHONE": "Телефон компании",
    "WORK_COMPANY": "Компания",
    "WORK_POSITION": "Должность",
    "UF_EMPLOYMENT_DATE": "Дата принятия на работу",
    "UF_DEPARTMENT": "Подразделения",
    "UF_PHONE_INNER": "Внутренний телефон",
    "USER_TYPE": "USER_TYPE",
}


def _users(call: Call) -> Answer:
    """Staff only: bots, mail and open-line users are left out. The filter may also stand at the top level."""
    conditions = {key.upper(): value for key, value in call.array("filter").items()}
    conditions |= {key.upper(): value for key, value in call.params.items() if key.upper() in ("ID", "ACTIVE", "EMAIL")}
    rows = [row for row in call.portal.users if all(_matches(row, key, value) for key, value in conditions.items())]
    if str(call.params.get("order", "ASC")).upper() == "DESC":
        rows = rows[::-1]
    return _page(rows, call.integer("start"))


def _matches(row: Mapping[str, Any], key: str, value: Any) -> bool:
    operator = key.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")
    code = key[len(operator) :]
    own = row.get(code)
    if code not in USER_FIELD_TITLES:
        return True
    if code == "ACTIVE":
        return own is (value in (True, "Y", "1", "true", 1))
    if code == "ID" and operator in (">", ">=", "<", "<="):
        mine, other = to_number(own), to_number(value)
        return {">": mine > other, ">=": mine >= other, "<": mine < other, "<=": mine <= other}[operator]
    wanted = {str(item) for item in as_list(value)}
    return bool(wanted & {str(item) for item in as_list(own)})


def _page(rows: list[dict[str, Any]], start: int) -> Answer:
    if start < 0:
        return Answer(rows[:PAGE], total=0)
    offset = start // PAGE * PAGE
    following = offset + PAGE
    return Answer(rows[offset:following], len(rows), following if following < len(rows) else None)


def _current(call: Call) -> Answer:
    return Answer(next(row for row in call.portal.users if row["ID"] == str(call.portal.user_id)))


def _departments(call: Call) -> Answer:
    rows = call.portal.departments
    if "id" in call.params:
        wanted = {str(item) for item in as_list(call.params["id"])}
        rows = [row for row in rows if row["ID"] in wanted]
    if "parent" in call.params:
        rows = [row for row in rows if row.get("PARENT") == str(call.params["parent"])]
    return _page(rows, call.integer("start"))


def _department_fields(call: Call) -> Answer:
    titles = {"ID": "ID", "NAME": "Название подразделения", "SORT": "Сортировка"}
    return Answer({**titles, "PARENT": "Родительское подразделение", "UF_HEAD": "Руководитель"})


METHODS: Mapping[str, Method] = {
    "user.get": Method(_users, "user"),
    "user.fields": Method(lambda call: Answer(dict(USER_FIELD_TITLES)), "user"),
    "user.current": Method(_current, "user"),
    "user.admin": Method(lambda call: Answer(call.portal.is_admin)),
    "department.get": Method(_departments, "department"),
    "department.fields": Method(_department_fields, "department"),
}
