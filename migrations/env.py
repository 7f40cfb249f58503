"""Alembic's environment: runs on the connection that `storage.database.upgrade` opened, in its transaction."""

from alembic import context
from sqlalchemy import create_engine

from storage.models import Base


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:  # `alembic revision --autogenerate`, by a developer: compare with an empty database
        connection = create_engine("sqlite://").connect()
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, transaction_per_migration=False
    )
    context.run_migrations()


run()
