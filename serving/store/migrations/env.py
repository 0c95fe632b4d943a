"""What alembic runs for each command: the steps, on the connection that `migrate` hands over."""

from alembic import context

from serving.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
