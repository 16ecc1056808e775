#!/bin/sh
# Brings Temporal's two databases to the schema of this server version. Each step does nothing when it is already done,
# so the same script sets up and upgrades. The connection comes from SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD.
set -eu

schema() { # database, folder of its schema
  temporal-sql-tool --database "$1" setup-schema -v 0.0
  temporal-sql-tool --database "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

schema temporal temporal
schema temporal_visibility visibility
