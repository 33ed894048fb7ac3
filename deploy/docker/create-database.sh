#!/bin/sh
# Run once by the PostgreSQL container, on an empty volume: the login and database of the service. The login is no
# superuser; the superuser loses its password, so that it is reached from inside the container only.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$B24_DATABASE_PASSWORD" \
    --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE b24 LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE b24 OWNER b24;
GRANT SET ON PARAMETER temp_file_limit TO b24; -- charts may write so much to disk and no more
CREATE ROLE supabase_auth_admin LOGIN NOINHERIT PASSWORD :'password'; -- of the profile "supabase"
\connect b24
CREATE SCHEMA auth AUTHORIZATION supabase_auth_admin;
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
