-- Creates the two roles and three databases that the stack needs, and sets their passwords. Run by psql as a superuser;
-- running it again changes only the passwords, so it is also how they are changed.
\set ON_ERROR_STOP on
\getenv temporal_password TEMPORAL_DATABASE_PASSWORD
\getenv switchyard_password SWITCHYARD_DATABASE_PASSWORD

SELECT format('CREATE ROLE %I', role)
FROM (VALUES ('temporal'), ('switchyard')) AS wanted (role)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

ALTER ROLE temporal LOGIN PASSWORD :'temporal_password';
ALTER ROLE switchyard LOGIN PASSWORD :'switchyard_password';

SELECT format('CREATE DATABASE %I OWNER %I', database, owner)
FROM (VALUES ('temporal', 'temporal'), ('temporal_visibility', 'temporal'), ('switchyard', 'switchyard'))
     AS wanted (database, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = database)
\gexec

-- Temporal's server has no business in the orders' database, nor the other way round.
REVOKE CONNECT ON DATABASE temporal, temporal_visibility, switchyard FROM PUBLIC;
