"""Departments and people: managers who differ in volume, in skill and in how long they stayed."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from demo_portal.clock import DAY, print_date, print_datetime

BOT_ID = 9001  # owns some deals but is in no user list
DAYS = 730

_DEPARTMENTS = (
    (1, "Северный Ветер", None, 1),
    (2, "Отдел продаж, Москва", 1, 4),
    (3, "Отдел продаж, Санкт-Петербург", 1, 9),
    (4, "Партнёрский отдел", 1, 13),
    (5, "Сопровождение клиентов", 1, 15),
    (6, "Маркетинг и реклама", 1, 18),
    (7, "Администрация", 1, 1),
)


@dataclass(frozen=True, slots=True)
class Manager:
    """A salesperson. ``weight`` is the share of new deals, ``skill`` divides the risk of losing one.

    ``hired`` and ``dismissed`` are days of the two years; a hired day before 0 is before they begin.
    """

    id: int
    name: str
    last_name: str
    gender: str
    department: int
    weight: float
    skill: float
    hired: int = -400
    dismissed: int = DAYS + 1


MANAGERS = (
    Manager(4, "Ольга", "Соколова", "F", 2, 1.5, 1.45),
    Manager(5, "Дмитрий", "Кузнецов", "M", 2, 1.3, 1.1),
    Manager(6, "Анна", "Морозова", "F", 2, 1.1, 1.25),
    Manager(7, "Сергей", "Лебедев", "M", 2, 1.0, 0.8, dismissed=470),
    Manager(8, "Тимур", "Галиев", "M", 2, 0.9, 0.95, hired=300),
    Manager(9, "Екатерина", "Волкова", "F", 3, 1.2, 1.2),
    Manager(10, "Павел", "Новиков", "M", 3, 0.9, 0.9),
    Manager(11, "Mark", "Jensen", "M", 3, 0.6, 1.0, hired=180),
    Manager(13, "Ирина", "Белова", "F", 4, 1.0, 1.3),
    Manager(14, "Алексей", "Романов", "M", 4, 0.7, 0.85, hired=90),
    Manager(15, "Наталья", "Орлова", "F", 5, 1.0, 1.15),
    Manager(16, "Artem", "Kim", "M", 5, 0.8, 1.0, hired=240),
)

_OTHERS = (
    (1, "Виктор", "Северов", "M", 7, "Генеральный директор", True),
    (2, "Татьяна", "Жукова", "F", 7, "Главный бухгалтер", True),
    (3, "Игорь", "Панов", "M", 7, "Администратор CRM", True),
    (12, "Елена", "Фомина", "F", 3, "Офис-менеджер", False),
    (17, "Максим", "Зайцев", "M", 6, "Маркетолог", True),
    (18, "Юлия", "Крылова", "F", 6, "Руководитель маркетинга", True),
)

DEPARTMENTS_OF_PIPELINE = {0: (2, 3), 1: (4,), 3: (5,)}


class Roster:
    """Picks the manager of a new deal: of the pipeline's departments, working on that day, by weight."""

    def __init__(self) -> None:
        self._picks: dict[tuple[int, int], tuple[list[Manager], list[float]]] = {}
        self.by_id = {manager.id: manager for manager in MANAGERS}

    def pick(self, pipeline: int, day: int, chance: float) -> Manager:
        """``chance`` is a random number from 0 to 1, ``day`` counts from the beginning of the two years."""
        found = self._picks.get((pipeline, day))
        if found is None:
            departments = DEPARTMENTS_OF_PIPELINE[pipeline]
            team = [
                manager
                for manager in MANAGERS
                if manager.department in departments and manager.hired <= day < manager.dismissed
            ]
            # a newcomer's volume grows over the first quarter
            weights = [manager.weight * min(1.0, 0.3 + (day - manager.hired) / 90) for manager in team]
            found = self._picks[(pipeline, day)] = (team, list(accumulate(weights)))
        team, sums = found
        return team[min(bisect_right(sums, chance * sums[-1]), len(team) - 1)]


def departments() -> list[dict[str, Any]]:
    """All rows of ``department.get``; the root has no parent."""
    return [
        {"ID": str(number), "NAME": name, "SORT": 500}
        | ({"PARENT": str(parent)} if parent else {})
        | ({"UF_HEAD": str(head)} if number != 6 else {})
        for number, name, parent, head in _DEPARTMENTS
    ]


def users(now: int) -> list[dict[str, Any]]:
    """All rows of ``user.get``: ACTIVE is a real boolean, some keys are missing in some rows."""
    start = now - DAYS * DAY
    rows = []
    for user_id, name, last_name, gender, department, position, active in _OTHERS:
        registered = start - 500 * DAY + user_id * DAY
        rows.append(_user(user_id, name, last_name, gender, department, position, active, registered, now))
    for manager in MANAGERS:
        registered = start + manager.hired * DAY
        active = manager.dismissed > DAYS
        position = "Менеджер по продажам" if manager.weight < 1.2 else "Старший менеджер по продажам"
        person = (manager.id, manager.name, manager.last_name, manager.gender, manager.department)
        rows.append(_user(*person, position, active, registered, now if active else start + manager.dismissed * DAY))
    return sorted(rows, key=lambda row: int(row["ID"]))


def _user(
    user_id: int,
    name: str,
    last_name: str,
    gender: str,
    department: int,
    position: str,
    active: bool,
    registered: int,
    seen: int,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ID": str(user_id),
        "ACTIVE": active,
        "NAME": name,
        "LAST_NAME": last_name,
        "EMAIL": f"user{user_id}@severny-veter.example.com",
        "LAST_LOGIN": print_datetime(seen - user_id * 1777),
        "DATE_REGISTER": print_date(registered),
        "IS_ONLINE": "Y" if active and user_id % 3 == 0 else "N",
        "TIMESTAMP_X": {} if user_id % 2 else "24.08.2024 13:19:39",
        "LAST_ACTIVITY_DATE": {} if user_id % 2 else "2024-08-29 10:30:11",
        "PERSONAL_GENDER": gender if user_id % 5 else "",
        "PERSONAL_BIRTHDAY": "" if user_id % 3 else print_date(-(user_id % 12) * 300 * DAY),
        "WORK_POSITION": position,
        "UF_EMPLOYMENT_DATE": print_date(registered) if user_id % 4 else "",
        "UF_DEPARTMENT": [department, 7] if user_id == 18 else [department],
        "USER_TYPE": "employee",
    }
    if user_id % 2:  # keys that the portal leaves out of some rows
        row |= {"SECOND_NAME": "", "TIME_ZONE": "", "PERSONAL_MOBILE": f"+7 900 000-01-{user_id:02}"}
        row |= {"WORK_PHONE": "", "PERSONAL_CITY": "Москва", "UF_PHONE_INNER": str(100 + user_id)}
    return row
