"""Runs the migrations on the connection that `database.schema.migrate` hands over; there is no alembic.ini."""

from alembic import context

from database.schema.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    include_schemas=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
