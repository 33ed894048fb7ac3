"""The database handle: addresses without passwords, and waiting that ends."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from warehouse.database import Database, DatabaseError, DatabaseUnreachable
from warehouse.settings import parse_database_url, render_url


def test_neither_address_nor_repr_hold_user_or_password() -> None:
    database = Database("postgresql://someone:hunter2@db.example:6000/wh")
    assert database.address == "db.example:6000/wh"
    assert "hunter2" not in repr(database)
    assert "someone" not in repr(database)


def test_connections_name_their_purpose(database: Database) -> None:
    with database.connect("sync deal") as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("b24 sync deal",)


def test_the_engine_speaks_psycopg_3(database: Database) -> None:
    engine = database.sqlalchemy_engine("test")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SHOW application_name")).scalar_one() == "b24 test"
    assert engine.dialect.driver == "psycopg"
    engine.dispose()


def test_dagster_gets_a_schema_of_its_own_and_the_options_that_were_given(database: Database) -> None:
    url = sa.make_url(Database(f"{database.url}?options=-c%20geqo%3Doff&sslmode=prefer").dagster_url())
    assert url.drivername == "postgresql+psycopg2"
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SHOW search_path")).scalar_one() == "dagster"
        assert connection.execute(sa.text("SHOW geqo")).scalar_one() == "off"
    engine.dispose()
    assert (
        conninfo_to_dict(render_url(url.set(drivername="postgresql")))["options"] == "-c geqo=off -csearch_path=dagster"
    )


def test_waiting_is_bounded_and_says_where(database: Database) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = parse_database_url(database.url).set(host="127.0.0.1", port=port)
    begun = time.monotonic()
    with pytest.raises(DatabaseUnreachable, match=rf"127\.0\.0\.1:{port}/.*Connection refused.*Gave up after 1 s"):
        Database(render_url(url)).wait_until_ready(1)
    assert 1 <= time.monotonic() - begun < 5


def test_a_server_that_comes_late_is_waited_for(database: Database) -> None:
    """A port that refuses at first, and is forwarded to the real server half a second later."""
    target = parse_database_url(database.url)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        late = Database(render_url(target.set(host="127.0.0.1", port=listener.getsockname()[1])))
        forwarding = threading.Thread(
            target=_forward_late, args=(listener, target.host or "127.0.0.1", target.port or 5432)
        )
        forwarding.start()
        assert late.wait_until_ready(10) >= 14
        forwarding.join()


def test_a_wrong_password_is_not_waited_for(database: Database) -> None:
    url = parse_database_url(database.url).set(username="b24_nobody", password="hunter2")
    begun = time.monotonic()
    with pytest.raises(DatabaseError) as caught:
        Database(render_url(url)).wait_until_ready(30)
    assert time.monotonic() - begun < 10
    assert not isinstance(caught.value, DatabaseUnreachable)
    assert "hunter2" not in str(caught.value)


def _forward_late(listener: socket.socket, host: str, port: int) -> None:
    time.sleep(0.5)
    listener.listen()
    client, _ = listener.accept()
    with client, socket.create_connection((host, port)) as server:
        back = threading.Thread(target=_copy, args=(server, client))
        back.start()
        _copy(client, server)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)
