"""Words that the demo data is made of: people, companies, cities, products. All fictitious."""

from __future__ import annotations

MEN = ("Александр", "Андрей", "Антон", "Борис", "Вадим", "Василий", "Владимир", "Георгий", "Денис", "Евгений", "Иван",
       "Илья", "Кирилл", "Константин", "Михаил", "Николай", "Олег", "Роман", "Станислав", "Юрий")  # fmt: skip
WOMEN = ("Алина", "Анастасия", "Валентина", "Вера", "Виктория", "Галина", "Дарья", "Евгения", "Инна", "Ксения",
         "Лариса", "Людмила", "Марина", "Мария", "Надежда", "Оксана", "Полина", "Светлана", "Софья", "Яна")  # fmt: skip
PATRONYMICS = ("Александров", "Алексеев", "Андреев", "Борисов", "Викторов", "Владимиров", "Дмитриев", "Иванов",
               "Константинов", "Михайлов", "Николаев", "Олегов", "Павлов", "Петров", "Сергеев")  # fmt: skip
LAST_NAMES = ("Авдеев", "Андреев", "Антипов", "Баранов", "Беляков", "Богданов", "Борисов", "Васильев", "Виноградов",
              "Власов", "Воробьёв", "Гаврилов", "Герасимов", "Голубев", "Горбунов", "Денисов", "Ершов", "Ефимов",
              "Журавлёв", "Захаров", "Ильин", "Калинин", "Киселёв", "Комаров", "Крюков", "Макаров", "Мельников",
              "Никитин", "Осипов", "Поляков", "Савельев", "Семёнов", "Сорокин", "Тарасов", "Титов", "Тихонов",
              "Филиппов", "Фролов", "Шевцов", "Щербаков")  # fmt: skip
ENGLISH_FIRST = ("James", "Mary", "Robert", "Emma", "Michael", "Laura", "David", "Sofia", "Peter", "Nina", "Tom", "Eva")
ENGLISH_LAST = ("Smith", "Brown", "Miller", "Novak", "Larsen", "Weber", "Rossi", "Keller", "Clark", "Hansen", "Moore")

_COMPANY_HEADS = ("Авто", "Агро", "Альфа", "Балт", "Вектор", "Волга", "Гео", "Дон", "Евро", "Инвест", "Кама", "Квант",
                  "Лайн", "Медиа", "Мета", "Мир", "Нева", "Норд", "Опт", "Прайм", "Пром", "Профи", "Рос", "Сити",
                  "Смарт", "Спец", "Старт", "Сфера", "Тех", "Транс", "Урал", "Форум", "Эко", "Энерго",
                  "Юг")  # fmt: skip
_COMPANY_TAILS = ("групп", "деталь", "дизайн", "импульс", "каркас", "комплект", "консалт", "логистика", "маркет",
                  "маш", "механика", "монтаж", "партнёр", "пласт", "поставка", "проект", "ресурс", "сервис", "система",
                  "снаб", "софт", "строй", "торг", "трейд", "фарм", "финанс", "центр", "экспресс",
                  "электро")  # fmt: skip
_ENGLISH_HEADS = ("Aurora", "Baltic", "Bright", "Cedar", "Delta", "Eastern", "Fjord", "Granite", "Harbor", "Iron",
                  "Juniper", "Lunar", "Maple", "Nordic", "Orion", "Polar", "Quartz", "River", "Summit",
                  "Vertex")  # fmt: skip
_ENGLISH_TAILS = ("Analytics", "Builders", "Foods", "Industries", "Labs", "Logistics", "Partners", "Retail", "Systems",
                  "Trading", "Works")  # fmt: skip
_FORMS = ("ООО", "ООО", "ООО", "АО", "ИП", "ПАО", "")

CITIES = ("Москва", "Санкт-Петербург", "Екатеринбург", "Новосибирск", "Казань", "Нижний Новгород", "Самара",
          "Краснодар", "Ростов-на-Дону", "Пермь", "Уфа", "Воронеж", "Минск", "Калининград")  # fmt: skip
CITY_WEIGHTS = (30, 18, 8, 7, 7, 5, 4, 5, 4, 3, 3, 2, 2, 2)
REGIONS = ("Центральный", "Северо-Западный", "Приволжский", "Сибирский", "Уральский", "Южный")
STREETS = ("Ленина", "Мира", "Садовая", "Лесная", "Заводская", "Гагарина", "Новая", "Победы", "Парковая")
POSTS = ("Директор", "Главный инженер", "Закупщик", "Бухгалтер", "Руководитель отдела", "Коммерческий директор", "IT")

PRODUCTS = ("Вентиляция", "Кондиционирование", "Отопление", "Автоматика", "Сервисный контракт", "Запчасти")
PRODUCTS_ENGLISH = ("ventilation", "air conditioning", "heating", "automation", "service contract", "spare parts")
TITLE_FORMS = ("{0}: {1}", "{0} для {1}", "Поставка, {0} — {1}", "КП: {0}, {1}", "{1} / {0}")
ENGLISH_TITLE_FORMS = ("{0} for {1}", "{1}: {0} supply", "Quote: {0}, {1}")


def person(chances: tuple[float, float, float]) -> tuple[str, str | None, str, str, bool]:
    """First name, patronymic, last name, honorific, and whether it is English, from three random numbers."""
    a, b, c = chances
    if c > 0.9:
        return ENGLISH_FIRST[int(a * 12)], None, ENGLISH_LAST[int(b * 11)], "HNR_RU_1" if a < 0.5 else "HNR_RU_2", True
    patronymic = PATRONYMICS[int(c / 0.9 * 14.99)]
    last = LAST_NAMES[int(b * 40)]
    if a < 0.5:
        return MEN[int(a * 40)], patronymic + "ич", last, "HNR_RU_1", False
    return (
        WOMEN[int((a - 0.5) * 40)],
        patronymic + "на",
        last + ("а" if last[-1] == "в" or last[-1] == "н" else ""),
        "HNR_RU_2",
        False,
    )


def company(chances: tuple[float, float, float]) -> tuple[str, bool]:
    """A company's name and whether it is English, from three random numbers."""
    a, b, c = chances
    if c > 0.86:
        return f"{_ENGLISH_HEADS[int(a * 20)]} {_ENGLISH_TAILS[int(b * 11)]} {('Ltd', 'GmbH', 'LLC')[int(a * 3)]}", True
    name = _COMPANY_HEADS[int(a * 35)] + _COMPANY_TAILS[int(b * 29)]
    form = _FORMS[int(c / 0.86 * 6.99)]
    if form == "ИП":
        return f"ИП {LAST_NAMES[int(a * 40)]} {MEN[int(b * 20)][0]}. {PATRONYMICS[int(a * 15)][0]}.", False
    return (f"{form} «{name}»" if form else name), False
