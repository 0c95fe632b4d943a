"""Runs, scores, their inputs, contexts and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_table(
        "contexts",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("portfolio", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=32), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_contexts"),
    )
    op.create_index(
        "ix_contexts_portfolio_model_as_of",
        "contexts",
        ["portfolio", "model", "as_of"],
        unique=False,
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("portfolio", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("fanal_version", sa.String(length=64), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index(
        "ix_runs_portfolio_kind_started_at",
        "runs",
        ["portfolio", "kind", "started_at"],
        unique=False,
    )
    op.create_table(
        "scores",
        sa.Column("score_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("portfolio", sa.Text(), nullable=False),
        sa.Column("entity_kind", sa.String(length=16), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=32), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("data_as_of", sa.DateTime(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("margin", sa.Double(), nullable=True),
        sa.Column("grade", sa.String(length=1), nullable=True),
        sa.Column("trend", sa.String(length=8), nullable=True),
        sa.Column("previous", sa.Double(), nullable=True),
        sa.Column("rung", sa.String(length=32), nullable=True),
        sa.Column("horizon_days", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Double(), nullable=True),
        sa.Column("expected_amount", sa.Double(), nullable=True),
        sa.Column("action", sa.String(length=32), nullable=True),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=True),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("model_digest", sa.Text(), nullable=True),
        sa.Column("feature_set_version", sa.Text(), nullable=True),
        sa.Column("context_version", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_scores_run_id"),
        sa.PrimaryKeyConstraint("score_id", name="pk_scores"),
        sa.UniqueConstraint(
            "run_id",
            "entity_kind",
            "entity_id",
            "model",
            name="uq_scores_run_id_entity_kind_entity_id_model",
        ),
    )
    op.create_index(
        "ix_scores_portfolio_model_entity_kind_entity_id_as_of",
        "scores",
        ["portfolio", "model", "entity_kind", "entity_id", "as_of"],
        unique=False,
    )
    op.create_table(
        "inputs",
        sa.Column("score_id", sa.String(length=64), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("records", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("records_digest", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["score_id"], ["scores.score_id"], name="fk_inputs_score_id"),
        sa.PrimaryKeyConstraint("score_id", name="pk_inputs"),
    )
    op.create_table(
        "latest_scores",
        sa.Column("portfolio", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=32), nullable=False),
        sa.Column("entity_kind", sa.String(length=16), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("score_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["score_id"], ["scores.score_id"], name="fk_latest_scores_score_id"
        ),
        sa.PrimaryKeyConstraint(
            "portfolio", "model", "entity_kind", "entity_id", name="pk_latest_scores"
        ),
    )
    op.create_index(
        "ix_latest_scores_portfolio_account_id",
        "latest_scores",
        ["portfolio", "account_id"],
        unique=False,
    )
    op.create_index(
        "ix_latest_scores_portfolio_owner_id",
        "latest_scores",
        ["portfolio", "owner_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_latest_scores_portfolio_owner_id", table_name="latest_scores")
    op.drop_index("ix_latest_scores_portfolio_account_id", table_name="latest_scores")
    op.drop_table("latest_scores")
    op.drop_table("inputs")
    op.drop_index("ix_scores_portfolio_model_entity_kind_entity_id_as_of", table_name="scores")
    op.drop_table("scores")
    op.drop_index("ix_runs_portfolio_kind_started_at", table_name="runs")
    op.drop_table("runs")
    op.drop_index("ix_contexts_portfolio_model_as_of", table_name="contexts")
    op.drop_table("contexts")
    op.drop_index("ix_audit_at", table_name="audit")
    op.drop_table("audit")
