"""User fields of a portal: they come, go and change their names and choices while it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from demo_portal.schema import DEFAULT_SETTINGS, FieldSpec, OptionSpec
from demo_portal.state import PortalState
from demo_portal.table import MISSING


class PortalFields(PortalState):
    """A portal whose fields can be changed; every change fires its event."""

    def add_field(
        self,
        entity: str,
        code: str,
        type: str,
        *,
        multiple: bool = False,
        title: str = "",
        options: Iterable[str] = (),
        settings: Any = None,
        custom: bool = True,
    ) -> FieldSpec:
        """Add a user field (``custom=False``: a standard one, like ``PARENT_ID_1220``); rows get its empty value.

        Raises ``ValueError`` if the code is taken.
        """
        with self.lock:
            if settings is None and custom:
                settings = DEFAULT_SETTINGS.get(type, [])
            spec = FieldSpec(code, type, title or code, multiple=multiple, settings=settings)
            if custom:
                self._last_field_id += 1
                spec.id = self._last_field_id
                spec.sort = 100 + 10 * sum(field.dynamic for field in self.fields[entity].values())
            if type == "crm_status" and isinstance(settings, Mapping):
                spec.status_type = str(settings.get("ENTITY_TYPE") or "") or None
            self.tables[entity].add_column(code, spec.empty)
            self.fields[entity][code] = spec
            for value in options:
                self.add_option(entity, code, value)
            if custom:
                self._publish_field(entity, "ADD", spec)
            return spec

    def remove_field(self, entity: str, code: str) -> None:
        """Remove a field with its values. Raises ``KeyError`` if there is none."""
        with self.lock:
            spec = self.fields[entity].pop(code)
            if code in self.tables[entity].position:
                self.tables[entity].remove_column(code)
            self._publish_field(entity, "DELETE", spec)

    def rename_field(self, entity: str, code: str, title: str) -> None:
        """Give a field another title. Raises ``KeyError`` if there is none."""
        with self.lock:
            self.fields[entity][code].title = title
            self._publish_field(entity, "UPDATE", self.fields[entity][code])

    def retype_field(
        self, entity: str, code: str, type: str, *, multiple: bool = False, convert: Callable[[Any], Any] | None = None
    ) -> None:
        """Make a field one of another type or multiplicity. Rows keep what they hold, as a list or the first of it, or
        what ``convert`` makes of it; their DATE_MODIFY stays. Raises ``KeyError`` if there is no such field."""
        with self.lock:
            spec = self.fields[entity][code]
            was, spec.type, spec.multiple = spec.multiple, type, multiple
            spec.settings = DEFAULT_SETTINGS.get(type, [])

            def change(value: Any) -> Any:
                if value is MISSING or value in (None, False, ""):
                    return value if value is MISSING else spec.empty
                if convert is not None:
                    return convert(value)
                if multiple and not was:
                    return [value]
                return value[0] if was and not multiple else value

            self.tables[entity].change_column(code, change)
            self._publish_field(entity, "UPDATE", spec)

    def add_option(self, entity: str, code: str, value: str) -> int:
        """Add a choice to an enumeration field; returns its id."""
        with self.lock:
            spec = self.fields[entity][code]
            self._last_option_id += 2
            digest = hashlib.md5(f"{code} {self._last_option_id}".encode(), usedforsecurity=False).hexdigest()
            spec.options.append(OptionSpec(self._last_option_id, value, 10 * (len(spec.options) + 1), digest))
            self._publish_field(entity, "SETENUMVALUES", spec)
            return self._last_option_id

    def rename_option(self, entity: str, code: str, option_id: int, value: str) -> None:
        """Change the text of a choice; rows keep its id. Raises ``KeyError`` if there is none."""
        with self.lock:
            spec = self.fields[entity][code]
            for option in spec.options:
                if option.id == option_id:
                    option.value = value
                    return self._publish_field(entity, "SETENUMVALUES", spec)
            raise KeyError(f"{entity}.{code} has no option {option_id}")

    def delete_option(self, entity: str, code: str, option_id: int) -> None:
        """Remove a choice; rows that hold its id keep it."""
        with self.lock:
            spec = self.fields[entity][code]
            spec.options = [option for option in spec.options if option.id != option_id]
            self._publish_field(entity, "SETENUMVALUES", spec)

    def _publish_field(self, entity: str, change: str, spec: FieldSpec) -> None:
        fields = {"ID": spec.id or 0, "ENTITY_ID": f"CRM_{entity.upper()}", "FIELD_NAME": spec.code}
        self.events.publish(f"ONCRM{entity.upper()}USERFIELD{change}", fields, self.now())
